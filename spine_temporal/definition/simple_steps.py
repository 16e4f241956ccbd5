"""The kinds of step that stand for themselves: pipeline, gate, choice, wait. One frozen class each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from spine_temporal.definition.approval import Approval
from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.limit import Limit
from spine_temporal.definition.memory import bytes_of
from spine_temporal.definition.policies import ErrorPolicy, RetryPolicy
from spine_temporal.definition.step_checks import (
    NOTHING,
    check_step,
    freeze,
    json_mapping,
    json_or_function,
    refuse_hold,
)
from spine_temporal.definition.step_result import StepResult
from spine_temporal.definition.task_queue import task_queue_of

Handler = Callable[[WorkflowContext, Mapping[str, Any]], StepResult]
Condition = Callable[[WorkflowContext], Any]
#: Params as they are, or as a pure function of the context.
Params = Mapping[str, Any] | Callable[[WorkflowContext], Mapping[str, Any]]

#: Seconds that one attempt of a pipeline may take.
DEFAULT_TIMEOUT = 3600.0
#: Seconds without a sign of life after which an attempt counts as lost with its worker.
DEFAULT_HEARTBEAT_TIMEOUT = 10.0
#: What a held gate's deadline can decide.
DEADLINE_DECISIONS = ("abort", "waive")


@dataclass(frozen=True, kw_only=True)
class PipelineStep:
    """Runs a registered pipeline; its metrics are the step's output."""

    name: str
    pipeline: str
    #: Added to the run's params; these win.
    params: Params = field(default_factory=lambda: NOTHING)
    on_error: ErrorPolicy = ErrorPolicy.STOP
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: float = DEFAULT_TIMEOUT
    heartbeat_timeout: float = DEFAULT_HEARTBEAT_TIMEOUT
    stage: str = ""
    #: Its output in a dry run.
    sample_output: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    #: Whether its first attempt runs within the workflow task; None: where the worker has seen it to take moments.
    local: bool | None = None
    #: Bytes that one attempt may take; None: the worker's default.
    memory: int | None = None
    #: Where its attempts ask for workers; None: where the run does.
    task_queue: str | None = None
    #: What it shares with all others that use its source.
    limit: Limit | None = None

    def __post_init__(self) -> None:
        check_step(self)
        refuse_hold(self)
        if not isinstance(self.local, bool | None):
            raise DefinitionError(f"step {self.name!r}: local must be True, False or None, not {self.local!r}")
        if not isinstance(self.pipeline, str) or not self.pipeline.strip():
            raise DefinitionError(f"step {self.name!r} must name its pipeline, not {self.pipeline!r}")
        if not isinstance(self.retry, RetryPolicy):
            raise DefinitionError(f"step {self.name!r}: retry must be a RetryPolicy, not {self.retry!r}")
        self._check_place()
        freeze(self, "memory", bytes_of(f"step {self.name!r}: memory", self.memory))
        json_or_function(self, "params")
        freeze(self, "sample_output", json_mapping(self.sample_output, f"step {self.name!r}: sample_output"))

    def _check_place(self) -> None:
        """Refuse a wrong task queue or limit, and either of a step that runs within the workflow task."""
        task_queue_of(f"step {self.name!r}", self.task_queue)
        if self.limit is not None and not isinstance(self.limit, Limit):
            raise DefinitionError(f"step {self.name!r}: limit must be a Limit, not {self.limit!r}")
        for what in ("task_queue", "limit"):
            if getattr(self, what) is None:
                continue
            if self.local:
                raise DefinitionError(
                    f"step {self.name!r} is local, so it runs at once where the run is: leave out local, or {what}"
                )
            freeze(self, "local", False)


@dataclass(frozen=True, kw_only=True)
class LambdaStep:
    """Asks a gate: a pure function of the context that passes, fails or routes."""

    name: str
    handler: Handler
    config: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    on_error: ErrorPolicy = ErrorPolicy.STOP
    stage: str = ""
    #: Seconds that a held gate waits for a person; None: for ever.
    deadline: float | None = None
    #: What is decided at the deadline, where no person has decided.
    at_deadline: str = "abort"
    #: What is asked of who decides; None: nothing.
    approval: Approval | None = None

    def __post_init__(self) -> None:
        check_step(self)
        if not callable(self.handler):
            raise DefinitionError(
                f"step {self.name!r}: handler must be a function (ctx, config) -> StepResult, not {self.handler!r}"
            )
        if self.on_error is ErrorPolicy.RETRY:
            raise DefinitionError(
                f"step {self.name!r}: a gate is a pure function and gives the same answer again, so on_error=RETRY "
                "cannot help; use STOP, CONTINUE or HOLD"
            )
        if self.at_deadline not in DEADLINE_DECISIONS:
            raise DefinitionError(
                f"step {self.name!r}: at_deadline must be {' or '.join(DEADLINE_DECISIONS)}, not {self.at_deadline!r}"
            )
        if not isinstance(self.approval, Approval | None):
            raise DefinitionError(f"step {self.name!r}: approval must be an Approval, not {self.approval!r}")
        freeze(self, "config", json_mapping(self.config, f"step {self.name!r}: config"))


@dataclass(frozen=True, kw_only=True)
class ChoiceStep:
    """Goes on with ``then_step`` or ``else_step``; the branches meet at ``join``."""

    name: str
    condition: Condition
    then_step: str
    #: None: with the condition false, the run goes on at ``join``.
    else_step: str | None = None
    #: None: the step after the last target.
    join: str | None = None
    stage: str = ""

    def __post_init__(self) -> None:
        check_step(self)
        if not callable(self.condition):
            raise DefinitionError(
                f"step {self.name!r}: condition must be a function of the context, not {self.condition!r}"
            )


@dataclass(frozen=True, kw_only=True)
class WaitStep:
    """Waits, durably: for a time, or until one. Occupies no worker."""

    name: str
    #: Seconds; one of the two is set.
    duration: float | None = None
    until: datetime | None = None
    stage: str = ""

    def __post_init__(self) -> None:
        check_step(self)
        if (self.duration is None) == (self.until is None):
            raise DefinitionError(f"step {self.name!r}: give duration_seconds or until, and not both")
        if self.until is not None and self.until.tzinfo is None:
            raise DefinitionError(
                f"step {self.name!r}: until {self.until.isoformat()} has no time zone: write it as "
                f"{self.until.isoformat()}+00:00"
            )


#: The kinds that stand for themselves; a choice has a place of its own, in no parallel step.
SimpleStep = PipelineStep | LambdaStep | WaitStep

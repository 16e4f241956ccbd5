"""The kinds of step, one frozen class each, and ``Step``, which makes them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from spine_temporal.definition.context import WorkflowContext
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.policies import ErrorPolicy, RetryPolicy, seconds_of
from spine_temporal.definition.results import StepResult

Handler = Callable[[WorkflowContext, Mapping[str, Any]], StepResult]
Condition = Callable[[WorkflowContext], Any]

#: Seconds that one attempt of a pipeline may take.
DEFAULT_TIMEOUT = 3600.0
#: Seconds without a sign of life after which an attempt counts as lost with its worker.
DEFAULT_HEARTBEAT_TIMEOUT = 10.0
#: Stages that the run itself reaches; a step may not claim them.
RUN_STAGES = ("STARTED", "COMPLETED", "PARTIAL", "FAILED", "CANCELLED")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_STAGE = re.compile(r"[A-Z0-9_]{1,120}")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class PipelineStep:
    """Runs a registered pipeline; its metrics are the step's output."""

    name: str
    pipeline: str
    #: Added to the run's params; these win.
    params: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    on_error: ErrorPolicy = ErrorPolicy.STOP
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: float = DEFAULT_TIMEOUT
    heartbeat_timeout: float = DEFAULT_HEARTBEAT_TIMEOUT
    stage: str = ""

    def __post_init__(self) -> None:
        _check_step(self)
        if not isinstance(self.pipeline, str) or not self.pipeline.strip():
            raise DefinitionError(f"step {self.name!r} must name its pipeline, not {self.pipeline!r}")
        if not isinstance(self.retry, RetryPolicy):
            raise DefinitionError(f"step {self.name!r}: retry must be a RetryPolicy, not {self.retry!r}")
        _freeze(self, "params", _json_mapping(self.params, f"step {self.name!r}: params"))


@dataclass(frozen=True, kw_only=True)
class LambdaStep:
    """Asks a gate: a pure function of the context that passes, fails or routes."""

    name: str
    handler: Handler
    config: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    on_error: ErrorPolicy = ErrorPolicy.STOP
    stage: str = ""

    def __post_init__(self) -> None:
        _check_step(self)
        if not callable(self.handler):
            raise DefinitionError(
                f"step {self.name!r}: handler must be a function (ctx, config) -> StepResult, not {self.handler!r}"
            )
        if self.on_error is ErrorPolicy.RETRY:
            raise DefinitionError(
                f"step {self.name!r}: a gate is a pure function and gives the same answer again, so on_error=RETRY "
                "cannot help; use STOP or CONTINUE"
            )
        _freeze(self, "config", _json_mapping(self.config, f"step {self.name!r}: config"))


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
        _check_step(self)
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
        _check_step(self)
        if (self.duration is None) == (self.until is None):
            raise DefinitionError(f"step {self.name!r}: give duration_seconds or until, and not both")
        if self.until is not None and self.until.tzinfo is None:
            raise DefinitionError(
                f"step {self.name!r}: until {self.until.isoformat()} has no time zone: write it as "
                f"{self.until.isoformat()}+00:00"
            )


AnyStep = PipelineStep | LambdaStep | ChoiceStep | WaitStep


class Step:
    """Makes steps, in Spine's words."""

    @staticmethod
    def pipeline(
        name: str,
        pipeline_name: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        retry: RetryPolicy | None = None,
        timeout: timedelta | float | None = None,
        heartbeat_timeout: timedelta | float | None = None,
        stage: str | None = None,
    ) -> PipelineStep:
        """Run the registered pipeline with the run's params and these; durations in seconds or as timedelta."""
        return PipelineStep(
            name=name,
            pipeline=pipeline_name,
            params=params or {},
            on_error=_error_policy(name, on_error),
            retry=retry or RetryPolicy(),
            timeout=seconds_of(f"step {name!r}: timeout", timeout) or DEFAULT_TIMEOUT,
            heartbeat_timeout=seconds_of(f"step {name!r}: heartbeat_timeout", heartbeat_timeout)
            or DEFAULT_HEARTBEAT_TIMEOUT,
            stage=stage or "",
        )

    @staticmethod
    def lambda_(
        name: str,
        handler: Handler,
        config: Mapping[str, Any] | None = None,
        *,
        on_error: ErrorPolicy | str = ErrorPolicy.STOP,
        stage: str | None = None,
    ) -> LambdaStep:
        """Check with ``handler(ctx, config)``, which returns ``StepResult.ok`` or ``.fail``."""
        return LambdaStep(
            name=name, handler=handler, config=config or {}, on_error=_error_policy(name, on_error), stage=stage or ""
        )

    @staticmethod
    def choice(
        name: str,
        condition: Condition,
        then_step: str,
        else_step: str | None = None,
        join: str | None = None,
        *,
        stage: str | None = None,
    ) -> ChoiceStep:
        """Branch: run from ``then_step`` or from ``else_step`` up to ``join``; the other branch is skipped."""
        return ChoiceStep(
            name=name, condition=condition, then_step=then_step, else_step=else_step, join=join, stage=stage or ""
        )

    @staticmethod
    def wait(
        name: str,
        duration_seconds: timedelta | float | None = None,
        *,
        until: datetime | str | None = None,
        stage: str | None = None,
    ) -> WaitStep:
        """Wait for that long, or until a time (ISO 8601 with a zone); a time that has passed is not waited for."""
        return WaitStep(
            name=name,
            duration=seconds_of(f"step {name!r}: duration_seconds", duration_seconds),
            until=_moment(name, until),
            stage=stage or "",
        )


def _moment(name: str, given: datetime | str | None) -> datetime | None:
    if given is None or isinstance(given, datetime):
        return given
    try:
        return datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise DefinitionError(
            f"step {name!r}: until {given!r} must be a time in ISO 8601, such as 2025-12-29T13:00:00+00:00"
        ) from None


def _check_step(step: AnyStep) -> None:
    if not isinstance(step.name, str) or not _NAME.fullmatch(step.name):
        raise DefinitionError(
            f"step name {step.name!r} must be 1 to 100 letters, digits, '_', '.' or '-', and not begin with '.' or '-'"
        )
    stage = step.stage or f"STEP_{re.sub(r'[^A-Z0-9_]', '_', step.name.upper())}"
    if not isinstance(stage, str) or not _STAGE.fullmatch(stage) or stage in RUN_STAGES:
        raise DefinitionError(
            f"step {step.name!r}: stage {stage!r} must be capital letters, digits and '_', and none of the run's own "
            f"({', '.join(RUN_STAGES)})"
        )
    _freeze(step, "stage", stage)


def _freeze(step: AnyStep, name: str, value: Any) -> None:
    object.__setattr__(step, name, value)


def _json_mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DefinitionError(f"{where} must be a dict, not {type(value).__name__}")
    try:
        return MappingProxyType(to_json(value, where))
    except JsonValueError as error:
        raise DefinitionError(str(error)) from None


def _error_policy(name: str, value: ErrorPolicy | str) -> ErrorPolicy:
    try:
        return ErrorPolicy(str(value).upper())
    except ValueError:
        raise DefinitionError(
            f"step {name!r}: on_error must be one of {', '.join(ErrorPolicy)}, not {value!r}"
        ) from None

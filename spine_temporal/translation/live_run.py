"""A run as it goes: what it began with, how far it has come, and what no transaction has written yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import Decision, ItemCounts, StepExecution, StepStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.machine import advance
from spine_temporal.machine.plan import PlannedPipeline
from spine_temporal.machine.state import Progressed, State
from spine_temporal.machine.step_states import without
from spine_temporal.translation.messages import Begun, Recorded
from spine_temporal.translation.riding import Unwritten, stages_between
from spine_temporal.translation.shown_details import ShownDetails
from spine_temporal.translation.waiting import DecidedGate


@dataclass(kw_only=True)
class LiveRun:
    """A run that has begun. Its driver moves its state on, and its steps read it."""

    spine: Workflow
    begun: Begun
    #: The run's identity; its epoch is a newer one where the run had to take its partition again.
    key: RunKey
    state: State
    #: What is shown of it while it goes.
    details: ShownDetails
    #: What people have decided of held gates, by step.
    decisions: dict[str, Decision] = field(default_factory=dict)
    #: What first people have decided of gates that ask for a second one, by step; the last one counts.
    proposals: dict[str, list[Decision]] = field(default_factory=dict)
    #: Steps whose look for partitions has not come to an end of its own, also before the run went on otherwise: it may
    #: still be under way.
    looked_at: set[str] = field(default_factory=set)
    unwritten: Unwritten = field(default_factory=Unwritten)
    #: Completed executions that history holds, and those of them that a decision has sent back; runs of sub-workflows
    #: whose end it holds: a database that has fewer was restored.
    acknowledged: set[str] = field(default_factory=set)
    sent_back: set[str] = field(default_factory=set)
    sub_runs: tuple[str, ...] = ()
    #: Executions of other runs of the lineage that a reset run has taken as its own, by run.
    kept: dict[str, set[str]] = field(default_factory=dict)
    #: Held gates that are decided, while that is recorded and the run may wait for a place.
    decided: set[str] = field(default_factory=set)
    #: The pipeline that runs behind the gates of its door.
    behind_door: StepExecution | None = None
    #: Whether a pipeline has ended the run in its own transaction.
    is_ended: bool = False

    def told(self, **more: Any) -> dict[str, Any]:
        """Return a request's fields that are not empty: ``more``, and what the database must know of the history."""
        known = {
            "acknowledged": len(self.acknowledged) + len(self.sent_back),
            "sub_runs": self.sub_runs,
            "kept": {run: len(executions) for run, executions in self.kept.items()},
        }
        return {name: value for name, value in (known | more).items() if value}

    def renew(self, recorded: Recorded | None) -> None:
        """Go on under the epoch that the run has by now; histories of before say nothing of it."""
        self.key = self.key.with_epoch(recorded.epoch if recorded is not None else None)

    def keep(self, execution: str, run: str) -> None:
        """Note what another run has done.

        A run that this one goes on from is older than its own row, and is not lost where that is there. One that had
        gone on from it, before it was reset, is newer.
        """
        if self.key.was_reset:
            self.kept.setdefault(run, set()).add(execution)

    @property
    def shown(self) -> State:
        """How far the run has come, as people see it.

        With the pipeline that runs behind the gates of its door; and a held gate that is decided waits for nobody.
        """
        state = self.state
        for name in self.decided & state.held.keys():
            going_on = state.executions[name].model_copy(update={"status": StepStatus.RUNNING})
            state = replace(state, held=without(state.held, name)).with_execution(going_on)
        return state if self.behind_door is None else state.with_execution(self.behind_door)

    @contextmanager
    def going_on(self, gate: str, decision: Decision) -> Iterator[None]:
        """Show in the block that a held gate is decided."""
        self.decided.add(gate)
        self.details.reached(self.shown)
        try:
            with self.details.during(DecidedGate(step=gate, decision=str(decision))):
                yield
        finally:
            self.decided.discard(gate)

    def runs_behind(self, pipeline: str, at: datetime) -> None:
        """Keep that a pipeline runs whose gates have not ended by what history holds."""
        self.behind_door = StepExecution(
            step_name=pipeline, step_type="pipeline", status=StepStatus.RUNNING, started_at=at
        )

    @contextmanager
    def at_door(self, pipeline: PlannedPipeline, at: datetime) -> Iterator[None]:
        """Show in the block that a pipeline runs behind gates."""
        self.runs_behind(pipeline.name, at)
        self.details.reached(self.shown)
        try:
            yield
        finally:
            self.behind_door = None
        self.details.reached(self.shown)

    def is_beside(self, step: str) -> bool:
        """Whether others may run at the same time."""
        return self.begun.plan.places[step].parallel is not None

    def progressed(self, step: str, items: ItemCounts) -> None:
        """Show how far a map has come."""
        self.state, _ = advance(self.state, Progressed(step=step, items=items))
        self.details.reached(self.shown)

    def reached(self, before: State | None, after: State) -> None:
        """Keep the stages of steps that have completed for the next transaction."""
        self.unwritten.add(stages=stages_between(self.begun, before, after))

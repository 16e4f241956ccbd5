"""A run that is about to begin, by a start or by a resume, and the rows that it begins with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from spine_temporal.definition.busy import OnBusy
from spine_temporal.definition.params import RunOptions
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import Plan
from spine_temporal.recording.executions import supersede_executions
from spine_temporal.recording.run_lifecycle import NewRun, open_run
from spine_temporal.recording.runs import RunRow
from spine_temporal.runtime.ending import run_stage
from spine_temporal.translation.messages import BeginRequest, Begun, ResumeRequest


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """A run that is about to begin: ``begun`` is what history gets of it, the rest is known to its worker alone."""

    request: BeginRequest | ResumeRequest
    workflow: Workflow
    options: RunOptions
    begun: Begun
    #: Which Temporal runs it.
    temporal: str
    #: When Temporal gives this attempt up; a frozen worker that wakes up later must not claim anything.
    until: datetime
    #: By step: what the pipelines' inputs are now.
    fingerprints: Mapping[str, Any]
    #: Where it asks for workers.
    task_queue: str
    #: Whether nobody can have written anything of the run before.
    is_first: bool = False
    #: What it does where its partition is held.
    on_busy: OnBusy = OnBusy.FAIL
    #: What a person has changed, and what is kept, where it goes on from another run.
    correction: Mapping[str, Any] | None = None

    @property
    def key(self) -> RunKey:
        """The run's identity."""
        return self.begun.key(self.request.workflow_id, self.request.run_id)

    @property
    def first_run_id(self) -> str:
        """The first Temporal run of its chain of resets."""
        return self.request.first_run_id or self.request.run_id


def write_beginning(connection: Connection, beginning: Beginning, *, resumed_from: str | None = None) -> Begun:
    """Write the run's row and its STARTED stage; return what the run begins with."""
    begun = beginning.begun
    run = NewRun(
        key=beginning.key,
        params=begun.params,
        plan=begun.plan.model_dump_json(),
        started_at=begun.started_at,
        temporal=beginning.temporal,
        first_run_id=beginning.first_run_id,
        task_queue=beginning.task_queue,
        resumed_from=resumed_from,
        correction=beginning.correction,
        fingerprints=beginning.fingerprints,
    )
    open_run(connection, run, run_stage("STARTED", 0, begun.run_id))
    return begun


def send_back(connection: Connection, beginning: Beginning, start_from: str) -> None:
    """Mark what the lineage has completed of that step and of all later ones as superseded."""
    places = beginning.begun.plan.places
    first = places[start_from].position
    assert first is not None  # noqa: S101 - hooks are not started from
    names = [name for name, place in places.items() if place.position is not None and place.position >= first]
    supersede_executions(connection, beginning.key, dict.fromkeys(names, -1))


def as_ended(begun: Begun, row: RunRow) -> Begun:
    """Return how a run begins whose end is recorded already: with its plan and its result, and nothing left to do."""
    result = None if row.result is None else WorkflowResult.model_validate(row.result)
    return begun.model_copy(update={"plan": Plan.model_validate(row.plan), "epoch": row.epoch, "earlier": result})


def reused(begun: Begun, result: WorkflowResult) -> Begun:
    """Return how a run begins that has nothing to do: with the result of the run that has done the work."""
    return begun.model_copy(update={"earlier": result.model_copy(update={"reused": True})})

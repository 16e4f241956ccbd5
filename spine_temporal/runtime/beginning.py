"""How a run begins, by a start or by a resume: validated, planned, its partition claimed, its rows written."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from temporalio import activity

from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.definition.outcome import WorkflowResult
from spine_temporal.definition.params import ResumeOptions, RunOptions, partition_of, resolve_options, resolve_params
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resume import EndedRun, Resumed, resumed
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.partitions import Holder, claim, holder_of, release
from spine_temporal.recording.runs import (
    BegunRun,
    CompletedRun,
    known_runs,
    latest_run_of_partition,
    open_run,
    requested_resume,
    run_of,
    take_resume,
)
from spine_temporal.runtime.claims import Claims
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.ending import run_stage
from spine_temporal.runtime.holders import Standing
from spine_temporal.runtime.left_behind import close_books
from spine_temporal.translation.messages import BeginRequest, Begun, ResumeRequest


@dataclass(frozen=True, kw_only=True)
class _Beginning:
    """A run that is about to begin, by a start or by a resume."""

    request: BeginRequest | ResumeRequest
    workflow: Workflow
    options: RunOptions
    begun: Begun
    temporal: str
    #: When Temporal gives this attempt up; a frozen worker that wakes up later must not claim anything.
    until: datetime
    resumed: Resumed | None = None

    @property
    def domain(self) -> str:
        """The domain of the claim and of the manifest rows."""
        return self.workflow.recording_domain


class _EndedAlreadyError(Exception):
    """Raised to take the claim back of a run whose end is recorded."""

    def __init__(self, run: BegunRun) -> None:
        super().__init__("the run has ended")
        self.run = run


class Beginnings:
    """Begins the runs of one worker's definitions."""

    def __init__(
        self, database: Database, definitions: Definitions, claims: Claims, *, search_attributes: bool
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._claims = claims
        self._search_attributes = search_attributes

    async def begin(self, request: BeginRequest) -> Begun:
        """Begin a run that was started. Raises ``SpineError`` and ``ValueError`` for what is wrong with it."""
        workflow = self._definitions.workflow(request.workflow)
        options = resolve_options(request.options)
        if options.resume is not None:
            return await self._go_on(request, workflow, options)
        resume = await self.requested(workflow_id=request.workflow_id) if request.was_reset else None
        params = resolve_params(workflow, request.params)
        begun = Begun(
            plan=plan_of(workflow),
            run_id=request.run_id,
            started_at=request.started_at,
            params=params,
            partition=partition_of(workflow, params),
            force=options.force,
            is_dry_run=options.dry_run,
            holds_gates=options.on_gate_failure == "hold",
            search_attributes=self._search_attributes,
            resume=resume,
        )
        if resume is not None:
            return begun
        if begun.is_dry_run:
            if options.start_from is not None:
                raise ParamsError("run options 'start_from' and 'dry_run' do not go together")
            return begun
        beginning = await self._beginning(request, workflow, options, begun)
        return await self._claims.settle(partial(self._claim, beginning))

    async def resume(self, request: ResumeRequest) -> Begun:
        """Begin the run that goes on for one that was reset."""
        workflow = self._definitions.workflow(request.workflow)
        return await self._go_on(request, workflow, RunOptions(resume=request.options))

    async def requested(self, *, run_id: str | None = None, workflow_id: str | None = None) -> ResumeOptions | None:
        """Return how a person wants a run to go on that was reset; None where it was reset for nothing else."""
        asked_by = activity.info().workflow_run_id or ""

        def look() -> ResumeOptions | None:
            with self._database.begin() as connection:
                found = requested_resume(connection, asked_by=asked_by, run_id=run_id, workflow_id=workflow_id)
            return None if found is None else ResumeOptions.model_validate(found)

        return await asyncio.to_thread(look)

    async def _go_on(self, request: BeginRequest | ResumeRequest, workflow: Workflow, options: RunOptions) -> Begun:
        assert options.resume is not None  # noqa: S101 - the callers ask
        ended = await asyncio.to_thread(self._ended, options.resume, request.workflow)
        fresh = resumed(workflow, ended, options.resume)
        begun = Begun(
            plan=fresh.plan,
            run_id=request.run_id,
            started_at=request.started_at,
            params=fresh.params,
            partition=ended.partition,
            holds_gates=options.on_gate_failure == "hold",
            search_attributes=self._search_attributes,
            kept=fresh.kept,
            items_of=None if options.resume.start_from else ended.run_id,
        )
        beginning = await self._beginning(request, workflow, options, begun)
        return await self._claims.settle(partial(self._claim, replace(beginning, resumed=fresh)))

    async def _beginning(
        self, request: BeginRequest | ResumeRequest, workflow: Workflow, options: RunOptions, begun: Begun
    ) -> _Beginning:
        place = await self._claims.standings.place()
        return _Beginning(
            request=request,
            workflow=workflow,
            options=options,
            begun=begun,
            temporal=place,
            until=given_up_at(),
        )

    def _claim(self, beginning: _Beginning) -> Begun | Holder:
        """Write the beginning and return it; or return who holds the partition.

        A run that has ended begins again where Temporal has lost the workflow task in which all of it was done, and
        where a frozen worker wakes up late: either is given its plan, and nothing is written.
        """
        try:
            with self._database.begin() as connection:
                return self._claimed(connection, beginning)
        except _EndedAlreadyError as error:
            return beginning.begun.model_copy(update={"plan": Plan.model_validate(error.run.plan)})

    def _claimed(self, connection: Connection, beginning: _Beginning) -> Begun | Holder:
        begun, request = beginning.begun, beginning.request
        mine = claim(
            connection, beginning.domain, begun.partition, workflow_id=request.workflow_id, run_id=request.run_id
        )
        known, earlier = known_runs(connection, request.run_id, beginning.domain, begun.partition)
        if known is not None and known.has_ended:
            raise _EndedAlreadyError(known)
        if not mine:
            holder = holder_of(connection, beginning.domain, begun.partition)
            if holder is None:
                raise SpineError("the partition is just being given back", ErrorCategory.TRANSIENT)
            return holder
        if beginning.resumed:
            begun = _resumed(connection, beginning)
        else:
            begun = _started(connection, beginning, known, earlier)
        require_time(beginning.until)
        return begun

    def _ended(self, options: ResumeOptions, workflow: str) -> EndedRun:
        with self._database.begin() as connection:
            row = run_of(connection, options.run_id)
            if row is None or row.workflow != workflow:
                raise ParamsError(f"run option 'resume': {options.run_id!r} is no run of {workflow!r} that had begun")
            return ended_run(connection, row)


def _started(
    connection: Connection, beginning: _Beginning, known: BegunRun | None, earlier: CompletedRun | None
) -> Begun:
    """Write the run's row and its STARTED stage, or find that nothing is left to do.

    A second call for the same run finds the plan of the first.
    """
    begun, options = beginning.begun, beginning.options
    if known is not None:
        begun = begun.model_copy(update={"plan": Plan.model_validate(known.plan)})
    elif earlier is not None and options.start_from is None and not begun.force:
        release(connection, beginning.domain, begun.partition, begun.run_id)
        return begun.model_copy(update={"earlier": _same_params(beginning.workflow, earlier, begun)})
    if options.start_from is not None:
        return _started_from(connection, beginning, options.start_from)
    _write(connection, beginning, begun)
    return begun


def _started_from(connection: Connection, beginning: _Beginning, step: str) -> Begun:
    """Keep what the partition's last run has of the steps before; the params are those of this start."""
    begun = beginning.begun
    row = latest_run_of_partition(connection, beginning.domain, begun.partition, other_than=begun.run_id)
    if row is None:
        raise ParamsError(
            f"run option 'start_from': no run of {beginning.workflow.name!r} has begun on {dict(begun.partition)}, so "
            "there are no outputs to keep: start without it"
        )
    ended = replace(ended_run(connection, row), params=begun.params)
    fresh = resumed(beginning.workflow, ended, ResumeOptions(run_id=row.run_id, start_from=step))
    begun = begun.model_copy(update={"plan": fresh.plan, "kept": fresh.kept})
    _write(connection, replace(beginning, resumed=fresh), begun, resumed_from=row.run_id)
    return begun


def _resumed(connection: Connection, beginning: _Beginning) -> Begun:
    """Write the run's row as the one that goes on; the run before is closed where it could not do so itself."""
    assert beginning.options.resume is not None  # noqa: S101 - the caller asks
    before = beginning.options.resume.run_id
    close_books(connection, before, Standing(is_open=False, closed_as="reset"))
    take_resume(connection, before, taken_by=beginning.begun.run_id)
    _write(connection, beginning, beginning.begun, resumed_from=before)
    return beginning.begun


def _write(connection: Connection, beginning: _Beginning, begun: Begun, *, resumed_from: str | None = None) -> None:
    open_run(
        connection,
        run_id=begun.run_id,
        workflow_id=beginning.request.workflow_id,
        workflow=begun.plan.workflow,
        domain=beginning.domain,
        partition=begun.partition,
        params=begun.params,
        plan=begun.plan.model_dump_json(),
        started_at=begun.started_at,
        temporal=beginning.temporal,
        resumed_from=resumed_from,
        correction=beginning.resumed.correction if beginning.resumed else None,
        stage=run_stage("STARTED", 0, begun.run_id),
    )


def _same_params(workflow: Workflow, earlier: CompletedRun, begun: Begun) -> WorkflowResult:
    """Return the earlier result; a start with other params is refused, as it would get what it did not ask for."""
    given = dict(begun.params)
    changed = [key for key in sorted({*given, *earlier.params}) if given.get(key) != earlier.params.get(key)]
    if changed:
        raise ParamsError(
            f"partition {dict(begun.partition)} of {workflow.name!r} was completed by run {earlier.run_id} with "
            f"another {', '.join(changed)}: start with force to run it again with these params",
            code="PARAMS_MISMATCH",
        )
    return WorkflowResult.model_validate(earlier.result)

"""How a run begins, by a start or by a resume: validated, planned, its partition claimed, its rows written."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection
from temporalio import activity

from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.params import ResumeOptions, RunOptions, partition_of, resolve_options, resolve_params
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resumed_run import EndedRun, Resumed, resumed
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.executions import supersede_executions
from spine_temporal.recording.partitions import Claim, claim, claim_of, release
from spine_temporal.recording.resume_requests import requested_resume, take_resume, withdraw_resume
from spine_temporal.recording.runs import (
    BegunRun,
    CompletedRun,
    NewRun,
    RunRow,
    known_runs,
    latest_run_of_chain,
    latest_run_of_lineage,
    latest_run_of_partition,
    lock_run,
    open_run,
    run_of,
)
from spine_temporal.runtime.claims import Claims
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.ending import run_stage
from spine_temporal.runtime.fingerprints import Naming, changed_inputs, fingerprints_of
from spine_temporal.runtime.orphaned_runs import write_orphaned_end
from spine_temporal.runtime.resets import Resets
from spine_temporal.runtime.temporal_runs import RESET, Standing
from spine_temporal.translation.classes import Source
from spine_temporal.translation.messages import REVISION, BeginRequest, Begun, ResumeRequest


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
    #: By step: what the pipelines' inputs are now.
    fingerprints: Mapping[str, Any]
    #: Where it asks for workers.
    task_queue: str
    resumed: Resumed | None = None

    @property
    def key(self) -> RunKey:
        """The run's identity."""
        return self.begun.key(self.request.workflow_id, self.request.run_id)

    @property
    def first_run_id(self) -> str:
        """The first Temporal run of its chain of resets."""
        return self.request.first_run_id or self.request.run_id


class _EndedAlreadyError(Exception):
    """Raised to take the claim back of a run whose end is recorded."""

    def __init__(self, run: BegunRun) -> None:
        super().__init__("the run has ended")
        self.run = run


class Validators(Protocol):
    """Validates params in another process."""

    def params(self, workflow: Workflow, source: Source, given: Any, *, inherited: bool) -> dict[str, Any]:
        """Return the run's params; raises ``SpineError`` as ``resolve_params`` does."""


class RunStarter:
    """Begins the runs of one worker's definitions."""

    def __init__(
        self,
        database: Database,
        definitions: Definitions,
        claims: Claims,
        resets: Resets,
        *,
        naming: Naming,
        search_attributes: Callable[[], Awaitable[bool]] | None = None,
        validators: Validators | None = None,
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._claims = claims
        self._resets = resets
        self._ask_attributes = search_attributes
        self._naming = naming
        self._validators = validators

    def domain_of(self, workflow: str) -> str:
        """Return the domain of a workflow; its name where no module defines it."""
        found = self._definitions.workflows.get(workflow)
        return found[0].domain if found else workflow

    async def begin(self, request: BeginRequest) -> Begun:
        """Begin a run that was started. Raises ``SpineError`` and ``ValueError`` for what is wrong with it."""
        if request.refused:
            raise ParamsError(request.refused)
        workflow = self._definitions.workflow(request.workflow)
        options = resolve_options(request.options)
        if options.resume is not None:
            return await self._go_on(request, workflow, options)
        resume = await self.requested(request.workflow_id, request.run_id) if request.was_reset else None
        params = await self._params(workflow, request.params, inherited=request.is_child)
        begun = Begun(
            plan=plan_of(workflow),
            run_id=request.run_id,
            started_at=request.started_at,
            params=params,
            partition=partition_of(workflow, params) or _own_partition(workflow, request.run_id),
            force=options.force,
            is_dry_run=options.dry_run,
            holds_gates=options.on_gate_failure == "hold",
            search_attributes=await self._search_attributes(),
            resume=resume,
            revision=REVISION,
        )
        if resume is not None:
            return begun
        if begun.is_dry_run:
            if options.start_from is not None:
                raise ParamsError("run options 'start_from' and 'dry_run' do not go together")
            return begun
        return await self._claimed_by(await self._beginning(request, workflow, options, begun))

    async def _search_attributes(self) -> bool:
        """Return whether the run may set ours; asked at each begin, as an answer may have failed before."""
        return self._ask_attributes is not None and await self._ask_attributes()

    async def _params(self, workflow: Workflow, given: Any, *, inherited: bool) -> dict[str, Any]:
        """Return the run's params; a ``params_model`` is user code, which runs elsewhere where it can."""
        if workflow.params_model is None or self._validators is None or not isinstance(given, Mapping):
            return resolve_params(workflow, given, inherited=inherited)
        try:
            known = to_json(given, "params")
        except JsonValueError:
            return resolve_params(workflow, given, inherited=inherited)
        source = self._definitions.workflows[workflow.name][1]
        validate = partial(self._validators.params, workflow, source, known, inherited=inherited)
        return await asyncio.to_thread(validate)

    async def resume(self, request: ResumeRequest) -> Begun:
        """Begin the run that goes on for one that was reset; of several resets, as the last one wants it."""
        workflow = self._definitions.workflow(request.workflow)
        wanted = await self.requested(request.workflow_id, request.run_id) or request.options
        return await self._go_on(request, workflow, RunOptions(resume=wanted))

    async def requested(self, workflow_id: str, execution_run_id: str) -> ResumeOptions | None:
        """Return how a person wants a reset run to go on; None where it was not reset for a request to resume."""
        request_id = await self._resets.request_of(workflow_id, execution_run_id)
        if request_id is None:
            return None

        def look() -> ResumeOptions:
            with self._database.begin() as connection:
                found = requested_resume(connection, workflow_id, request_id)
            if found is None:
                raise ParamsError(
                    f"the resume {request_id} that this run of {workflow_id!r} was reset for has expired, and another "
                    "has taken its place: resume it again"
                )
            return ResumeOptions.model_validate(found)

        return await asyncio.to_thread(look)

    async def _go_on(self, request: BeginRequest | ResumeRequest, workflow: Workflow, options: RunOptions) -> Begun:
        assert options.resume is not None  # noqa: S101 - the callers ask
        row, ended, known = await asyncio.to_thread(self._ended, options.resume, request)
        if known is not None and known.has_ended:
            return _as_ended(await self._begun_again(request, workflow, ended), known)
        if _was_done(row, options.resume):
            if isinstance(request, BeginRequest):  # of a reset the next one who resumes sees that its request is spent
                await asyncio.to_thread(self._withdraw, options.resume)
            return _reused(await self._begun_again(request, workflow, ended), WorkflowResult.model_validate(row.result))
        fresh = resumed(workflow, ended, options.resume)
        begun = Begun(
            plan=fresh.plan,
            run_id=request.run_id,
            lineage=row.lineage_id,
            started_at=request.started_at,
            params=fresh.params,
            partition=ended.partition,
            holds_gates=options.on_gate_failure == "hold",
            search_attributes=await self._search_attributes(),
            kept=fresh.kept,
            revision=REVISION,
        )
        beginning = await self._beginning(request, workflow, options, begun)
        return await self._claimed_by(replace(beginning, resumed=fresh))

    def _withdraw(self, options: ResumeOptions) -> None:
        with self._database.begin() as connection:
            withdraw_resume(connection, options.run_id, options.request_id)

    async def _begun_again(self, request: BeginRequest | ResumeRequest, workflow: Workflow, ended: EndedRun) -> Begun:
        return Begun(
            plan=plan_of(workflow),
            run_id=request.run_id,
            started_at=request.started_at,
            params=ended.params,
            partition=ended.partition,
            search_attributes=await self._search_attributes(),
        )

    async def _beginning(
        self, request: BeginRequest | ResumeRequest, workflow: Workflow, options: RunOptions, begun: Begun
    ) -> _Beginning:
        return _Beginning(
            request=request,
            workflow=workflow,
            options=options,
            begun=begun,
            temporal=await self._claims.temporal_runs.place(),
            until=given_up_at(request.asked_at),
            fingerprints=await fingerprints_of(begun, self._definitions.pipelines, self._naming),
            task_queue=activity.info().task_queue,
        )

    async def _claimed_by(self, beginning: _Beginning) -> Begun:
        attempt = partial(self._claim, beginning)
        lineage = beginning.options.lineage or ""
        return await self._claims.settle(attempt, asked_by=beginning.request.run_id, lineage=lineage)

    def _claim(self, beginning: _Beginning) -> Begun | Claim:
        """Write the beginning and return it; or return who holds the partition.

        A run that has ended begins again where Temporal has lost the workflow task in which all of it was done, and
        where a frozen worker wakes up late: either is given its result, and nothing is written.
        """
        try:
            with self._database.begin() as connection:
                return self._claimed(connection, beginning)
        except _EndedAlreadyError as error:
            return _as_ended(beginning.begun, error.run)

    def _claimed(self, connection: Connection, beginning: _Beginning) -> Begun | Claim:
        key = beginning.key
        epoch = claim(connection, key)
        known, earlier = known_runs(connection, key)
        if known is not None and known.has_ended:
            raise _EndedAlreadyError(known)
        if epoch is None:
            holder = claim_of(connection, key.recording_domain, key.partition)
            if holder is None or holder.run_id is None:
                raise SpineError("the partition is just being given back", ErrorCategory.TRANSIENT)
            return holder
        beginning = replace(beginning, begun=beginning.begun.model_copy(update={"epoch": epoch}))
        if beginning.resumed:
            begun = _resumed(connection, beginning)
        else:
            begun = _started(connection, beginning, known, earlier)
        require_time(beginning.until)
        return begun

    def _ended(
        self, options: ResumeOptions, request: BeginRequest | ResumeRequest
    ) -> tuple[RunRow, EndedRun, BegunRun | None]:
        """Return the row of the run to go on from, what that run came to, and this run where it has begun before."""
        workflow = request.workflow
        with self._database.begin() as connection:
            known = lock_run(connection, request.run_id)
            row = run_of(connection, options.run_id)
            if row is None or row.workflow != workflow:
                raise ParamsError(f"run option 'resume': {options.run_id!r} is no run of {workflow!r} that had begun")
            return row, ended_run(connection, row), known


def _as_ended(begun: Begun, run: BegunRun) -> Begun:
    """Return how a run begins whose end is recorded already: with its plan and its result, and nothing left to do."""
    result = None if run.own_result is None else WorkflowResult.model_validate(run.own_result)
    return begun.model_copy(update={"plan": Plan.model_validate(run.plan), "epoch": run.epoch, "earlier": result})


def _was_done(row: RunRow, options: ResumeOptions) -> bool:
    """Whether the run that a person resumes has completed after all, so that its result is the answer.

    A run that was terminated may still write its end, while the person asks for the resume. A person who also wants
    corrections is not given the result: that resume is refused later, as the run is complete.
    """
    return row.status == WorkflowStatus.COMPLETED.value and not (options.start_from or options.changes or options.skip)


def _reused(begun: Begun, result: WorkflowResult) -> Begun:
    """Return how a run begins that has nothing to do: with the result of the run that has done the work."""
    return begun.model_copy(update={"earlier": result.model_copy(update={"reused": True})})


def _own_partition(workflow: Workflow, run_id: str) -> dict[str, Any]:
    """Return the partition of a run without params: itself, as each start is its own."""
    return {"run_id": run_id} if workflow.partition_by is None else {}


def _started(
    connection: Connection, beginning: _Beginning, known: BegunRun | None, earlier: CompletedRun | None
) -> Begun:
    """Write the run's row and its STARTED stage, or find that nothing is left to do.

    A second call for the same run finds the plan of the first.
    """
    begun, options = beginning.begun, beginning.options
    if known is not None:
        begun = begun.model_copy(update={"plan": Plan.model_validate(known.plan)})
    if options.start_from is not None:
        return _started_from(connection, beginning, options.start_from)
    before = _before(connection, beginning)
    if before is not None:
        return _continued(connection, beginning, before)
    if (
        known is None
        and earlier is not None
        and not begun.force
        and not changed_inputs(earlier, beginning.fingerprints)
    ):
        return _already_completed(connection, beginning, _same_params(beginning.workflow, earlier, begun))
    begun = begun.model_copy(update={"lineage": options.lineage or ""})
    _write(connection, replace(beginning, begun=begun))
    return begun


def _already_completed(connection: Connection, beginning: _Beginning, result: WorkflowResult) -> Begun:
    """Give the partition back, and return what the run came to that completed it."""
    release(connection, beginning.key.recording_domain, beginning.begun.partition, beginning.begun.run_id)
    return _reused(beginning.begun, result)


def _before(connection: Connection, beginning: _Beginning) -> RunRow | None:
    """Return the earlier run that this one goes on from although no person asked for it; None where params differ.

    It is the one before in the chain of Temporal's resets, or in the lineage of the step that this run is.
    """
    request, options = beginning.request, beginning.options
    if options.lineage:
        row = latest_run_of_lineage(connection, options.lineage, other_than=request.run_id)
    elif beginning.first_run_id != request.run_id:
        row = latest_run_of_chain(
            connection, request.workflow_id, beginning.first_run_id, beginning.temporal, other_than=request.run_id
        )
    else:
        return None
    if row is None or dict(row.params) != dict(beginning.begun.params):
        return None
    if row.status == WorkflowStatus.RUNNING.value:
        write_orphaned_end(connection, row.run_id, Standing(is_open=False, closed_as=RESET))
        return run_of(connection, row.run_id)
    return row


def _continued(connection: Connection, beginning: _Beginning, row: RunRow) -> Begun:
    """Go on as a resume would; where nothing is left to do, return what the run came to."""
    if row.status == WorkflowStatus.COMPLETED.value and row.result is not None:
        if beginning.options.lineage or not beginning.begun.force:
            return _already_completed(connection, beginning, WorkflowResult.model_validate(row.result))
        _write(connection, beginning)
        return beginning.begun
    fresh = resumed(beginning.workflow, ended_run(connection, row), ResumeOptions(run_id=row.run_id))
    begun = beginning.begun.model_copy(update={"plan": fresh.plan, "kept": fresh.kept, "lineage": row.lineage_id})
    _write(connection, replace(beginning, begun=begun, resumed=fresh), resumed_from=row.run_id)
    return begun


def _started_from(connection: Connection, beginning: _Beginning, step: str) -> Begun:
    """Keep what the partition's last run has of the steps before; the params are those of this start."""
    begun = beginning.begun
    domain = beginning.key.recording_domain
    row = latest_run_of_partition(connection, domain, begun.partition, other_than=begun.run_id)
    if row is None:
        raise ParamsError(
            f"run option 'start_from': no run of {beginning.workflow.name!r} has begun on {dict(begun.partition)}, so "
            "there are no outputs to keep: start without it"
        )
    ended = replace(ended_run(connection, row), params=begun.params)
    fresh = resumed(beginning.workflow, ended, ResumeOptions(run_id=row.run_id, start_from=step))
    begun = begun.model_copy(update={"plan": fresh.plan, "kept": fresh.kept, "lineage": row.lineage_id})
    beginning = replace(beginning, begun=begun, resumed=fresh)
    _send_back(connection, beginning, step)
    _write(connection, beginning, resumed_from=row.run_id)
    return begun


def _resumed(connection: Connection, beginning: _Beginning) -> Begun:
    """Write the run's row as the one that goes on; the run before is closed where it could not do so itself."""
    options = beginning.options.resume
    assert options is not None  # noqa: S101 - the caller asks
    write_orphaned_end(connection, options.run_id, Standing(is_open=False, closed_as=RESET))
    taken_by = beginning.begun.run_id
    if options.request_id and not take_resume(
        connection, options.run_id, options.request_id, taken_by=taken_by, first_run_id=beginning.first_run_id
    ):
        raise ParamsError(f"the resume of run {options.run_id} has expired, and another has taken its place")
    if options.start_from is not None:
        _send_back(connection, beginning, options.start_from)
    _write(connection, beginning, resumed_from=options.run_id)
    return beginning.begun


def _send_back(connection: Connection, beginning: _Beginning, start_from: str) -> None:
    """Mark what the lineage has completed of that step and of all later ones as superseded."""
    places = beginning.begun.plan.places
    first = places[start_from].position
    assert first is not None  # noqa: S101 - hooks are not started from
    names = [name for name, place in places.items() if place.position is not None and place.position >= first]
    supersede_executions(connection, beginning.key, dict.fromkeys(names, -1))


def _write(connection: Connection, beginning: _Beginning, *, resumed_from: str | None = None) -> None:
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
        correction=beginning.resumed.correction if beginning.resumed else None,
        fingerprints=beginning.fingerprints,
    )
    open_run(connection, run, run_stage("STARTED", 0, begun.run_id))


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

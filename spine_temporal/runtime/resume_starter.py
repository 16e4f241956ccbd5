"""How a run begins by a resume: it goes on from a run that has ended, as a person has corrected it."""

import asyncio

from sqlalchemy import Connection
from temporalio import activity

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.params import ResumeOptions, RunOptions
from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.planning import plan_of
from spine_temporal.machine.resumed_run import EndedRun, resumed
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import ended_run
from spine_temporal.recording.resume_requests import requested_resume, take_resume, withdraw_resume
from spine_temporal.recording.runs import RunRow, lock_run, run_of
from spine_temporal.runtime.beginning import Beginning, as_ended, reused, send_back, write_beginning
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.orphaned_runs import write_orphaned_end
from spine_temporal.runtime.resets import Resets
from spine_temporal.runtime.run_opener import RunOpener
from spine_temporal.runtime.temporal_runs import RESET, Standing
from spine_temporal.translation.messages import BeginRequest, Begun, ResumeRequest
from spine_temporal.translation.revisions import REVISION


class ResumeStarter:
    """Begins the runs of one worker's definitions that go on from others."""

    def __init__(self, database: Database, definitions: Definitions, opener: RunOpener, resets: Resets) -> None:
        self._database = database
        self._definitions = definitions
        self._opener = opener
        self._resets = resets

    async def resume(self, request: ResumeRequest) -> Begun:
        """Begin the run that goes on for one that was reset; of several resets, as the last one wants it."""
        workflow = self._definitions.workflow(request.workflow)
        wanted = await self.requested(request.workflow_id, request.run_id) or request.options
        return await self.go_on(request, workflow, wanted, RunOptions(resume=wanted))

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

    async def requested_here(self) -> ResumeOptions | None:
        """Return the same of the run that the present activity works for."""
        info = activity.info()
        return await self.requested(info.workflow_id or "", info.workflow_run_id or "")

    async def go_on(
        self, request: BeginRequest | ResumeRequest, workflow: Workflow, wanted: ResumeOptions, options: RunOptions
    ) -> Begun:
        """Begin the run that goes on from ``wanted.run_id``; raise ``ParamsError`` for what does not fit."""
        row, ended, known = await asyncio.to_thread(self._ended, wanted, request)
        if known is not None and known.has_ended:
            return as_ended(await self._with_nothing_to_do(request, workflow, ended), known)
        if _was_done(row, wanted):
            if isinstance(request, BeginRequest):  # of a reset the next one who resumes sees that its request is spent
                await asyncio.to_thread(self._withdraw, wanted)
            begun = await self._with_nothing_to_do(request, workflow, ended)
            return reused(begun, WorkflowResult.model_validate(row.result))
        fresh = resumed(workflow, ended, wanted)
        begun = Begun(
            plan=fresh.plan,
            run_id=request.run_id,
            lineage=row.lineage_id,
            started_at=request.started_at,
            params=fresh.params,
            partition=ended.partition,
            holds_gates=options.on_gate_failure == "hold",
            search_attributes=await self._opener.sets_search_attributes(),
            kept=fresh.kept,
            revision=REVISION,
        )
        return await self._opener.open(request, workflow, options, begun, _resumed, correction=fresh.correction)

    def _withdraw(self, wanted: ResumeOptions) -> None:
        with self._database.begin() as connection:
            withdraw_resume(connection, wanted.run_id, wanted.request_id)

    async def _with_nothing_to_do(
        self, request: BeginRequest | ResumeRequest, workflow: Workflow, ended: EndedRun
    ) -> Begun:
        return Begun(
            plan=plan_of(workflow),
            run_id=request.run_id,
            started_at=request.started_at,
            params=ended.params,
            partition=ended.partition,
            search_attributes=await self._opener.sets_search_attributes(),
        )

    def _ended(
        self, wanted: ResumeOptions, request: BeginRequest | ResumeRequest
    ) -> tuple[RunRow, EndedRun, RunRow | None]:
        """Return the row of the run to go on from, what that run came to, and this run where it has begun before."""
        with self._database.begin() as connection:
            known = lock_run(connection, request.run_id)
            row = run_of(connection, wanted.run_id)
            if row is None or row.workflow != request.workflow:
                raise ParamsError(
                    f"run option 'resume': {wanted.run_id!r} is no run of {request.workflow!r} that had begun"
                )
            return row, ended_run(connection, row), known


def _was_done(row: RunRow, wanted: ResumeOptions) -> bool:
    """Whether the run that a person resumes has completed after all, so that its result is the answer.

    A run that was terminated may still write its end, while the person asks for the resume. A person who also wants
    corrections is not given the result: that resume is refused later, as the run is complete.
    """
    return row.status == WorkflowStatus.COMPLETED.value and not (wanted.start_from or wanted.changes or wanted.skip)


def _resumed(connection: Connection, beginning: Beginning, *_: RunRow | None) -> Begun:
    """Write the run's row as the one that goes on; the run before is closed where it could not do so itself."""
    wanted = beginning.options.resume
    assert wanted is not None  # noqa: S101 - the caller asks
    write_orphaned_end(connection, wanted.run_id, Standing(is_open=False, closed_as=RESET))
    taken_by = beginning.begun.run_id
    if wanted.request_id and not take_resume(
        connection, wanted.run_id, wanted.request_id, taken_by=taken_by, first_run_id=beginning.first_run_id
    ):
        raise ParamsError(f"the resume of run {wanted.run_id} has expired, and another has taken its place")
    if wanted.start_from is not None:
        send_back(connection, beginning, wanted.start_from)
    return write_beginning(connection, beginning, resumed_from=wanted.run_id)

"""The run's own activities: begin or resume it, wait for other partitions, end it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.definition.errors import ParamsError, SpineError
from spine_temporal.definition.run_key import RunKey, recording_domain
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.machine.step_outcome import Completed
from spine_temporal.recording.database import Database
from spine_temporal.recording.manifest import WorkManifest
from spine_temporal.recording.run_lifecycle import add_parents, begin_end, recorded_end
from spine_temporal.runtime.claims import acknowledged_of
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.ending import record_end, record_failure
from spine_temporal.runtime.partition_queue import QueuedError, SupersededError
from spine_temporal.runtime.resume_starter import ResumeStarter
from spine_temporal.runtime.run_metrics import count_checks, count_end, count_refused
from spine_temporal.runtime.run_starter import RunStarter
from spine_temporal.runtime.run_writes import RunWrites, failure_of_run
from spine_temporal.runtime.stretches import Stretches
from spine_temporal.translation.messages import (
    BEGIN,
    END,
    RESUME,
    WAIT_FOR,
    BeginRequest,
    Begun,
    Ended,
    EndRequest,
    ResumeRequest,
    WaitForRequest,
)

#: Failure type of a look that found a partition not there yet.
NOT_YET = "NOT_YET"


class RunActivities:
    """The activities that every run calls, bound to one worker's database and definitions."""

    def __init__(
        self,
        database: Database,
        definitions: Definitions,
        starts: RunStarter,
        resumes: ResumeStarter,
        writes: RunWrites,
        stretches: Stretches | None,
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._starts = starts
        self._resumes = resumes
        self._writes = writes
        self._stretches = stretches

    @property
    def all(self) -> list[Callable[..., Any]]:
        """The activities."""
        return [self.begin, self.resume, self.end, self.wait_for]

    @activity.defn(name=BEGIN)
    async def begin(self, request: BeginRequest) -> Begun:
        """Validate, claim the partition, write the STARTED row, and return the plan that the run keeps.

        Steps that take moments are done with it.
        """
        try:
            begun = await self._starts.begin(request)
        except QueuedError as queued:
            raise _not_yet(queued) from None
        except (ValueError, SpineError) as error:
            refused = error if isinstance(error, SpineError) else ParamsError(str(error))
            raise await self._refused(request, refused) from None
        return begun if self._stretches is None else await self._stretches.ahead(request, begun)

    @activity.defn(name=RESUME)
    async def resume(self, request: ResumeRequest) -> Begun:
        """Begin again from what an ended run has completed: its outputs are kept, the rest is planned anew."""
        try:
            return await self._resumes.resume(request)
        except (ValueError, SpineError) as error:
            refused = error if isinstance(error, SpineError) else ParamsError(str(error))
            raise await self._refused(request, refused) from None

    @activity.defn(name=END)
    async def end(self, request: EndRequest) -> Ended:
        """Record how the run ended, and give the partition back; not where a person has reset it to go on."""
        try:
            if request.is_lost:
                return Ended(recorded=await asyncio.to_thread(self._found_end, request.key))
            if request.key.was_reset:
                resume = await self._resumes.requested_here()
                if resume is not None:
                    return Ended(resume=resume)
            until, recorded = given_up_at(), list[WorkflowResult | None]()
            await self._writes.fenced(request, lambda asked: recorded.append(self._end(asked, until)))
        except SpineError as error:
            raise failure_of_run(error) from None
        count_end(recorded[-1] or request.result)
        count_checks(request.key.workflow, request.measured)
        return Ended(recorded=recorded[-1])

    @activity.defn(name=WAIT_FOR)
    async def wait_for(self, request: WaitForRequest) -> Completed:
        """Look once whether the partitions have reached the stage; raises where one has not, to be asked again."""
        try:
            missing = await asyncio.to_thread(self._look, request, activity.info())
        except SpineError as error:
            raise ApplicationError(str(error), type=error.category.value) from None
        if missing:
            raise ApplicationError(missing, type=NOT_YET, category=ApplicationErrorCategory.BENIGN)
        return Completed(step="", output={"reached": request.reached, "partitions": len(request.partitions)})

    def _look(self, request: WaitForRequest, info: activity.Info) -> str:
        """Return what is missing; where nothing is, the run has those as parents that have reached the stage."""
        reached_by = set[str | None]()
        with self._database.begin() as connection:
            manifest = WorkManifest(connection, recording_domain(request.workflow), ())
            for partition in request.partitions:
                stages = manifest.get(dict(partition))
                found = [row.execution_id for row in stages if row.stage == request.reached]
                if not found:
                    latest = stages[-1].stage if stages else "not begun"
                    return f"{request.workflow} {dict(partition)} is {latest} and not {request.reached}"
                reached_by.update(found)
            add_parents(connection, info.workflow_id or "", info.workflow_run_id or "", reached_by)
        return ""

    async def _refused(self, request: BeginRequest | ResumeRequest, error: SpineError) -> ApplicationError:
        """Return the failure of a start that is refused, after its anomaly is written."""
        if error.category.retryable:
            return failure_of_run(error)
        if isinstance(error, SupersededError):  # as its start wants it, so no anomaly
            count_refused(request.workflow, error.CODE)
            return failure_of_run(error)
        partition = error.metadata.get("partition")
        key = RunKey(
            run_id=request.run_id,
            workflow=request.workflow,
            workflow_id=request.workflow_id,
            domain=self._definitions.domain_of(request.workflow),
            partition=partition or {},
        )
        given = request.params if isinstance(request, BeginRequest) and isinstance(request.params, dict) else {}
        try:
            await asyncio.to_thread(self._record_failure, key, error, given if partition is None else None)
        except SpineError as away:
            return failure_of_run(away)
        count_refused(request.workflow)
        return failure_of_run(error)

    def _record_failure(self, key: RunKey, error: SpineError, given: dict[str, Any] | None) -> None:
        with self._database.begin() as connection:
            record_failure(connection, key, error, given)

    def _end(self, request: EndRequest, until: datetime) -> WorkflowResult | None:
        """Record the end. Where another end is recorded already, this one comes too late: return the recorded one."""
        key, known = request.key, acknowledged_of(request)
        with self._database.begin() as connection:
            recorded, fence = begin_end(connection, key, request.result.status.value, known)
            if recorded is not None:  # by an attempt whose answer was lost; the partition may be another's by now
                result = WorkflowResult.model_validate(recorded)
                return None if result.status is request.result.status else result
            lost = fence.lost(key, known)
            if lost is not None:
                raise lost
            record_end(connection, request, holds=True)
            require_time(until)
        return None

    def _found_end(self, key: RunKey) -> WorkflowResult | None:
        with self._database.begin() as connection:
            recorded = recorded_end(connection, key)
        return None if recorded is None else WorkflowResult.model_validate(recorded)


def _not_yet(queued: QueuedError) -> ApplicationError:
    """Return the failure of a run that waits for its partition, which Temporal repeats when the run asks again."""
    return ApplicationError(
        str(queued),
        type=queued.category.value,
        next_retry_delay=timedelta(seconds=queued.retry_after or 0),
        category=ApplicationErrorCategory.BENIGN,
    )

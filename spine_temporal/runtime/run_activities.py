"""The run's own activities: begin or resume it, record a verdict, end it."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.machine.step_outcome import StepOutcome
from spine_temporal.recording.database import Database
from spine_temporal.recording.manifest import WorkManifest
from spine_temporal.recording.runs import begin_end
from spine_temporal.runtime.beginning import Beginnings
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.ending import record_end
from spine_temporal.runtime.held_gates import record_decision, record_hold
from spine_temporal.runtime.metrics import RUNS
from spine_temporal.translation.messages import (
    BEGIN,
    DECIDE,
    END,
    HOLD,
    RESUME,
    VERDICT,
    WAIT_FOR,
    BeginRequest,
    Begun,
    Ended,
    EndRequest,
    HoldRequest,
    ResumeRequest,
    WaitForRequest,
)

#: Failure type of a look that found a partition not there yet.
NOT_YET = "NOT_YET"

_log = logging.getLogger(__name__)


class RunActivities:
    """The activities that every run calls, bound to one worker's database and definitions."""

    def __init__(self, database: Database, beginnings: Beginnings) -> None:
        self._database = database
        self._beginnings = beginnings

    @activity.defn(name=BEGIN)
    async def begin(self, request: BeginRequest) -> Begun:
        """Validate, claim the partition, write the STARTED row, and return the plan that the run keeps."""
        try:
            return await self._beginnings.begin(request)
        except ValueError as error:
            raise _failure(ParamsError(str(error))) from None
        except SpineError as error:
            raise _failure(error) from None

    @activity.defn(name=RESUME)
    async def resume(self, request: ResumeRequest) -> Begun:
        """Begin again from what an ended run has completed: its outputs are kept, the rest is planned anew."""
        try:
            return await self._beginnings.resume(request)
        except ValueError as error:
            raise _failure(ParamsError(str(error))) from None
        except SpineError as error:
            raise _failure(error) from None

    @activity.defn(name=VERDICT)
    async def verdict(self, outcome: StepOutcome) -> StepOutcome:
        """Return the verdict as it was given: from here on it is history, whatever the gate's code becomes."""
        if outcome.reset_of is None:
            return outcome
        try:
            resume = await self._beginnings.requested(run_id=outcome.reset_of)
        except SpineError as error:
            raise _failure(error) from None
        return outcome.model_copy(update={"resume": resume})

    @activity.defn(name=END)
    async def end(self, request: EndRequest) -> Ended:
        """Record how the run ended, and give the partition back; not where a person has reset it to go on."""
        was_reset = activity.info().workflow_run_id != request.result.run_id
        try:
            if was_reset:
                resume = await self._beginnings.requested(run_id=request.result.run_id)
                if resume is not None:
                    return Ended(resume=resume)
            await asyncio.to_thread(self._end, request, given_up_at(), was_reset=was_reset)
            RUNS.labels(request.result.workflow_name, request.result.status.value).inc()
            return Ended()
        except SpineError as error:
            raise _failure(error) from None

    @activity.defn(name=HOLD)
    async def hold(self, request: HoldRequest) -> None:
        """Write the anomaly of a gate that waits for a person."""
        await self._in_transaction(partial(record_hold, request=request))

    @activity.defn(name=DECIDE)
    async def decide(self, request: HoldRequest) -> None:
        """Resolve that anomaly with who decided what, and why."""
        await self._in_transaction(partial(record_decision, request=request))

    @activity.defn(name=WAIT_FOR)
    async def wait_for(self, request: WaitForRequest) -> StepOutcome:
        """Look once whether the partitions have reached the stage; raises where one has not, to be asked again."""
        try:
            missing, found = await asyncio.to_thread(self._look, request)
        except SpineError as error:
            raise ApplicationError(str(error), type=error.category.value) from None
        if missing:
            raise ApplicationError(missing, type=NOT_YET, category=ApplicationErrorCategory.BENIGN)
        return StepOutcome(step="", output={"reached": request.reached, "partitions": found})

    def _look(self, request: WaitForRequest) -> tuple[str, int]:
        with self._database.begin() as connection:
            manifest = WorkManifest(connection, f"workflow.{request.workflow}", ())
            for partition in request.partitions:
                if not manifest.has_stage(dict(partition), request.reached):
                    latest = manifest.get_latest_stage(dict(partition)) or "not begun"
                    return f"{request.workflow} {dict(partition)} is {latest} and not {request.reached}", 0
        return "", len(request.partitions)

    async def _in_transaction(self, work: Callable[[Connection], None]) -> None:
        def write() -> None:
            with self._database.begin() as connection:
                work(connection)

        try:
            await asyncio.to_thread(write)
        except SpineError as error:
            raise _failure(error) from None

    def _end(self, request: EndRequest, until: datetime, *, was_reset: bool) -> None:
        result = request.result
        with self._database.begin() as connection:
            recorded, holds = begin_end(
                connection,
                result.run_id,
                result.status.value,
                request.domain,
                result.partition,
                workflow_id=request.workflow_id,
                was_reset=was_reset,
            )
            if recorded:
                return  # by an attempt whose answer was lost; the partition may be another's by now
            record_end(connection, request, holds=holds)
            require_time(until)


def _failure(error: SpineError) -> ApplicationError:
    """Return what Temporal shows; the cause stays in the log, as a failure of some kilobytes would not be shown."""
    fault = error.category is ErrorCategory.INTERNAL
    _log.log(logging.ERROR if fault else logging.WARNING, "%s", error, exc_info=error if fault else None)
    return ApplicationError(str(error), type=error.category.value, non_retryable=not error.category.retryable)

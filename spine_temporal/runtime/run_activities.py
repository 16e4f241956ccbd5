"""The run's own activities: begin or resume it, record a verdict, end it."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.definition.errors import ErrorCategory, ParamsError, SpineError
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_key import RunKey, recording_domain
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.machine.step_outcome import Completed
from spine_temporal.recording.backfill_holds import PlaceAwaited
from spine_temporal.recording.database import Database
from spine_temporal.recording.fence import ClaimLostError, StateLostError
from spine_temporal.recording.manifest import WorkManifest
from spine_temporal.recording.run_lifecycle import add_parents, begin_end, recorded_end
from spine_temporal.runtime.backfill_places import decide_in_turn, no_place
from spine_temporal.runtime.claims import Claims, Fenced, acknowledged_of, fenced
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.deciders import Deciders
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.ending import record_end, record_failure, record_loss
from spine_temporal.runtime.failed_verdicts import log_verdict
from spine_temporal.runtime.held_gates import is_recorded, record_alarm, record_hold
from spine_temporal.runtime.partition_queue import QueuedError, SupersededError
from spine_temporal.runtime.resume_starter import ResumeStarter
from spine_temporal.runtime.run_metrics import count_checks, count_end, count_refused
from spine_temporal.runtime.run_starter import RunStarter
from spine_temporal.runtime.stretches import Stretches
from spine_temporal.translation import failures
from spine_temporal.translation.gate_messages import HoldRequest, Identified, IdentifyRequest, Verdict
from spine_temporal.translation.messages import (
    BEGIN,
    DECIDE,
    END,
    HOLD,
    IDENTIFY,
    REMIND,
    RESUME,
    SHOW,
    VERDICT,
    WAIT_FOR,
    BeginRequest,
    Begun,
    Ended,
    EndRequest,
    Recorded,
    ResumeRequest,
    WaitForRequest,
)

#: Failure type of ``spine.hold``: the gate is held.
HELD = "HELD"
#: Failure type of a look that found a partition not there yet.
NOT_YET = "NOT_YET"

_log = logging.getLogger(__name__)


class RunActivities:
    """The activities that every run calls, bound to one worker's database and definitions."""

    def __init__(
        self,
        database: Database,
        definitions: Definitions,
        starts: RunStarter,
        resumes: ResumeStarter,
        claims: Claims,
        deciders: Deciders,
        stretches: Stretches | None,
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._starts = starts
        self._resumes = resumes
        self._claims = claims
        self._deciders = deciders
        self._stretches = stretches

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

    @activity.defn(name=VERDICT)
    async def verdict(self, outcome: Verdict) -> Verdict:
        """Return the verdict unchanged: from here on it is history, even if the gate's code changes.

        One that has failed is the activity's failure, with the verdict in its details.
        """
        if outcome.reset_of not in {None, activity.info().workflow_run_id}:  # its own request is taken already
            try:
                resume = await self._requested()
            except SpineError as error:
                raise _failure(error) from None
            outcome = outcome.model_copy(update={"resume": resume})
        if outcome.failed and outcome.resume is None:
            if not activity.info().is_local:
                log_verdict(outcome)
            raise failures.verdict_failure(outcome, outcome)
        return outcome

    @activity.defn(name=SHOW)
    async def show(self, outcome: Verdict) -> None:
        """Fail with a failed verdict: it was recorded within a workflow task, where the Web UI does not show it."""
        log_verdict(outcome)
        raise failures.verdict_failure(outcome)

    @activity.defn(name=END)
    async def end(self, request: EndRequest) -> Ended:
        """Record how the run ended, and give the partition back; not where a person has reset it to go on."""
        try:
            if request.is_lost:
                return Ended(recorded=await asyncio.to_thread(self._found_end, request.key))
            if request.key.was_reset:
                resume = await self._requested()
                if resume is not None:
                    return Ended(resume=resume)
            until, recorded = given_up_at(), list[WorkflowResult | None]()
            await self._fenced(request, lambda asked: recorded.append(self._end(asked, until)))
        except SpineError as error:
            raise _failure(error) from None
        count_end(recorded[-1] or request.result)
        count_checks(request.key.workflow, request.measured)
        return Ended(recorded=recorded[-1])

    @activity.defn(name=HOLD)
    async def hold(self, request: HoldRequest) -> None:
        """Write the anomaly of a held gate; then fail, so that the Web UI shows that the gate has not passed."""
        recorded = await self._recorded(request, record_hold)
        count_checks(request.key.workflow, request.measured)
        raise ApplicationError(
            f"{request.step} waits for a person ({request.category}: {request.error})",
            recorded,
            type=HELD,
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        )

    @activity.defn(name=DECIDE)
    async def decide(self, request: HoldRequest) -> Recorded:
        """Write who decided what, and why, and resolve that anomaly where the gate is decided.

        A run of a backfill that has given its place back waits for one then: raises, to be asked again.
        """
        attempt, awaited = activity.info().attempt, list[PlaceAwaited | None]()
        try:
            is_repeated = attempt > 1 and await asyncio.to_thread(self._is_recorded, request)
            principal = None if is_repeated else await self._principal_of(request)
        except SpineError as error:
            raise _failure(error) from None
        recorded = await self._recorded(
            request,
            lambda connection, asked: awaited.append(
                decide_in_turn(connection, asked, principal, is_recorded=is_repeated)
            ),
        )
        if awaited[-1] is not None:
            raise no_place(awaited[-1], attempt)
        return recorded

    @activity.defn(name=REMIND)
    async def remind(self, request: HoldRequest) -> Recorded:
        """Enqueue that a gate still waits for a person."""
        return await self._recorded(request, record_alarm)

    @activity.defn(name=IDENTIFY)
    async def identify(self, request: IdentifyRequest) -> Identified:
        """Return who has sent a decision, as Temporal's server knows it."""
        if request.until is not None and time.time() > request.until:
            return Identified(is_late=True)
        try:
            return Identified(name=await self._sender_of(request.update_id, request.digest))
        except SpineError as error:
            raise _failure(error) from None

    async def _principal_of(self, request: HoldRequest) -> str | None:
        """Return who Temporal knows the sender of a decision to be, where the run has not asked."""
        decision = request.decision
        if decision is None or not decision.update_id or decision.second is not None or decision.is_verified:
            return None
        return await self._sender_of(decision.update_id, decision.digest)

    def _is_recorded(self, request: HoldRequest) -> bool:
        with self._database.begin() as connection:
            return is_recorded(connection, request)

    async def _sender_of(self, update_id: str, digest: str | None) -> str | None:
        info = activity.info()
        return await self._deciders.name_of(info.workflow_id or "", info.workflow_run_id or "", update_id, digest or "")

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

    async def _requested(self) -> ResumeOptions | None:
        """Return how the person who reset this run wants it to go on; None where nothing is to change."""
        info = activity.info()
        return await self._resumes.requested(info.workflow_id or "", info.workflow_run_id or "")

    async def _recorded(self, request: HoldRequest, record: Callable[[Connection, HoldRequest], None]) -> Recorded:
        until = given_up_at()

        def write(asked: HoldRequest) -> None:
            with self._database.begin() as connection:
                record(connection, asked)
                require_time(until)

        try:
            key = await self._fenced(request, write)
        except SpineError as error:
            raise _failure(error) from None
        return Recorded(epoch=key.epoch if key != request.key else None)

    async def _fenced(self, request: Fenced, write: Callable[[Fenced], None]) -> RunKey:
        """Write for a run; one that was reset takes its partition again where it has lost it.

        Return the key under which it was written. Where the run may write nothing, that is an anomaly.
        """
        try:
            return await fenced(self._claims, request, lambda asked: asyncio.to_thread(write, asked))
        except (ClaimLostError, StateLostError) as error:
            await asyncio.to_thread(self._record_loss, request.key, error)
            raise

    async def _refused(self, request: BeginRequest | ResumeRequest, error: SpineError) -> ApplicationError:
        """Return the failure of a start that is refused, after its anomaly is written."""
        if error.category.retryable:
            return _failure(error)
        if isinstance(error, SupersededError):  # as its start wants it, so no anomaly
            count_refused(request.workflow, error.CODE)
            return _failure(error)
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
            return _failure(away)
        count_refused(request.workflow)
        return _failure(error)

    def _record_loss(self, key: RunKey, error: SpineError) -> None:
        with self._database.begin() as connection:
            record_loss(connection, key, error)

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


def _failure(error: SpineError) -> ApplicationError:
    """Return what Temporal shows; the cause stays in the log, as a failure of some kilobytes would not be shown."""
    info = activity.info()
    fault = error.category is ErrorCategory.INTERNAL
    frames = f"\n{error.traceback}" if error.traceback else ""
    _log.log(
        logging.ERROR if fault else logging.WARNING,
        "workflow %s, run %s, %s: %s %s%s",
        *(info.workflow_type, info.workflow_run_id, info.activity_type, error.category, error, frames),
        exc_info=error if fault and not frames else None,
    )
    return ApplicationError(str(error), type=error.category.value, non_retryable=not error.category.retryable)

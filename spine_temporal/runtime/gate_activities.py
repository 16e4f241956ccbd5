"""What a run records of its gates: verdicts, those that are held, and what people decide of these."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.definition.errors import SpineError
from spine_temporal.recording.backfill_holds import PlaceAwaited
from spine_temporal.recording.database import Database
from spine_temporal.runtime.backfill_places import decide_in_turn, no_place
from spine_temporal.runtime.deadlines import given_up_at, require_time
from spine_temporal.runtime.deciders import Deciders
from spine_temporal.runtime.failed_verdicts import log_verdict
from spine_temporal.runtime.held_gates import is_recorded, record_alarm, record_hold
from spine_temporal.runtime.resume_starter import ResumeStarter
from spine_temporal.runtime.run_metrics import count_checks
from spine_temporal.runtime.run_writes import RunWrites, failure_of_run
from spine_temporal.translation import failures
from spine_temporal.translation.gate_messages import HoldRequest, Identified, IdentifyRequest, Verdict
from spine_temporal.translation.messages import DECIDE, HOLD, IDENTIFY, REMIND, SHOW, VERDICT, Recorded

#: Failure type of ``spine.hold``: the gate is held.
HELD = "HELD"


class GateActivities:
    """The activities by which a run records its gates, bound to one worker's database."""

    def __init__(self, database: Database, resumes: ResumeStarter, deciders: Deciders, writes: RunWrites) -> None:
        self._database = database
        self._resumes = resumes
        self._deciders = deciders
        self._writes = writes

    @property
    def all(self) -> list[Callable[..., Any]]:
        """The activities."""
        return [self.verdict, self.show, self.hold, self.decide, self.remind, self.identify]

    @activity.defn(name=VERDICT)
    async def verdict(self, outcome: Verdict) -> Verdict:
        """Return the verdict unchanged: from here on it is history, even if the gate's code changes.

        One that has failed is the activity's failure, with the verdict in its details.
        """
        if outcome.reset_of not in {None, activity.info().workflow_run_id}:  # its own request is taken already
            try:
                resume = await self._resumes.requested_here()
            except SpineError as error:
                raise failure_of_run(error) from None
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
            raise failure_of_run(error) from None
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
            raise failure_of_run(error) from None

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

    async def _recorded(self, request: HoldRequest, record: Callable[[Connection, HoldRequest], None]) -> Recorded:
        until = given_up_at()

        def write(asked: HoldRequest) -> None:
            with self._database.begin() as connection:
                record(connection, asked)
                require_time(until)

        try:
            key = await self._writes.fenced(request, write)
        except SpineError as error:
            raise failure_of_run(error) from None
        return Recorded(epoch=key.epoch if key != request.key else None)

"""The Temporal workflow of a Spine workflow: what it can be asked and told, how it begins, and how it ends.

The translated classes are its subclasses. What it does in between is its ``Driver``'s.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import workflow as temporal
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.params import ResumeOptions
from spine_temporal.definition.run_result import Decision, WorkflowResult, WorkflowStatus
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.state import State
from spine_temporal.translation import bookkeeping, failures, requests
from spine_temporal.translation.deciding import decide
from spine_temporal.translation.decisions import decision_of, refused
from spine_temporal.translation.details import earlier_details, ended_details, recorded_details, refused_details
from spine_temporal.translation.driver import Driver
from spine_temporal.translation.messages import BEGIN, DECIDER, RESUME, BeginRequest, Begun, ResumeRequest
from spine_temporal.translation.payloads import Unreadable
from spine_temporal.translation.resumes import Resumes
from spine_temporal.translation.search_attributes import DOMAIN, ShownOutcome, of_run, updates_of
from spine_temporal.translation.shown_details import ShownDetails
from spine_temporal.translation.step_messages import BegunAhead
from spine_temporal.translation.waiting import WAITING, Waiting
from spine_temporal.translation.within_task import takes_over

#: Of a decision whose sender is being asked for as the run ends: it comes too late.
_ABANDON = temporal.HandlerUnfinishedPolicy.ABANDON


class SpineWorkflow:
    """Runs one Spine workflow. What decides is the machine; what is decided on is history."""

    #: Its definition, which a translated class finds.
    spine: Workflow

    def __init__(self) -> None:
        #: Who drives the run, once it has begun.
        self._driver: Driver | None = None
        self._resumes = Resumes()
        self._shown = ShownOutcome()
        self._details = ShownDetails()
        self._is_cancelled = False

    @temporal.query(name="progress", description="How far the run has come, as a WorkflowResult")
    def progress(self) -> WorkflowResult | None:
        """Return how far the run has come; None before it has begun."""
        return requests.carried(self._driver.run.shown.result) if self._driver else None

    @temporal.query(name=WAITING, description="What the run waits for and what runs, as data")
    def waiting(self) -> Waiting:
        """Return what the run waits for; nothing once it has ended."""
        return self._details.waiting

    @temporal.signal(name=DECIDER, description="Claim a decision that follows: {update_id, digest}")
    def decider(self, _claimed: Any = None) -> None:
        """Let history hold whom Temporal knows to have sent it; a worker looks there."""

    @temporal.signal(name="resume", description="Look whether this reset run is to go on otherwise")
    def resume(self) -> None:
        """Wake a run that was reset and waits."""
        self._resumes.signal()

    @temporal.update(
        unfinished_policy=temporal.HandlerUnfinishedPolicy.ABANDON,
        name="waive",
        description="Let a held gate pass: {step, by, reason}",
    )
    async def waive(self, given: Any = None) -> str:
        """Go on as if the gate had passed."""
        return await self._decide("waive", given)

    @temporal.update(
        unfinished_policy=temporal.HandlerUnfinishedPolicy.ABANDON,
        name="retry",
        description="Ask a held gate again, from an earlier step: {step, by, reason, from}",
    )
    async def retry(self, given: Any = None) -> str:
        """Ask the gate again."""
        return await self._decide("retry", given)

    @temporal.update(
        unfinished_policy=temporal.HandlerUnfinishedPolicy.ABANDON,
        name="abort",
        description="Fail the run at its held gate: {step, by, reason}",
    )
    async def abort(self, given: Any = None) -> str:
        """Fail the run."""
        return await self._decide("abort", given)

    @waive.validator
    def _check_waive(self, given: Any = None) -> None:
        self._check("waive", given)

    @retry.validator
    def _check_retry(self, given: Any = None) -> None:
        self._check("retry", given)

    @abort.validator
    def _check_abort(self, given: Any = None) -> None:
        self._check("abort", given)

    def _check(self, action: str, given: Any) -> None:
        if self._resumes.is_pending:
            raise refused("the run is being resumed, and what it holds may change: decide when it has gone on")
        decision_of(action, given, *self._held(), time.time())

    async def _decide(self, action: str, given: Any) -> str:
        if self._driver is None:
            raise refused("the run has not begun, so no step of it is held")
        return await decide(self._driver.run, action, given)

    def _held(self) -> tuple[State | None, dict[str, Decision]]:
        """Return where the run stands, and what was decided of its held gates."""
        return (self._driver.run.state, self._driver.run.decisions) if self._driver else (None, {})

    async def drive(self, params: Any, options: Any, extra: tuple[Any, ...]) -> WorkflowResult:
        """Run from beginning to end and return the result; a failed run raises with it in its details."""
        begun = await self._begin(params, options, extra)
        while True:
            if self._resumes.wanted is not None:
                begun = await self._go_on(self._resumes.wanted)
            if begun.earlier is not None:
                return self._end(begun.earlier)
            before = self._driver.run if self._driver is not None else None
            self._driver = driver = Driver(
                self.spine,
                begun,
                self._resumes,
                self._shown,
                self._details,
                before=before,
                is_cancelled=self._is_cancelled,
            )
            result = await driver.drive()
            if result is not None:
                return self._end(result)
            self._is_cancelled = driver.is_cancelled

    async def _begin(self, params: Any, options: Any, extra: tuple[Any, ...]) -> Begun:
        info = temporal.info()
        request = BeginRequest(
            workflow=self.spine.name,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            started_at=info.start_time,
            params=None if isinstance(params, bytes | Unreadable) else params,
            options=None if isinstance(options, bytes | Unreadable) else options,
            was_reset=info.run_id != info.first_execution_run_id,
            first_run_id=info.first_execution_run_id,
            asked_at=temporal.now(),
            refused=requests.unreadable_start(self.spine.name, params, options, extra),
            is_child=info.parent is not None,
            task_may_repeat=takes_over(),
            is_cancelled=temporal.cancellation_reason() is not None,
        )
        begun = await self._begun(
            lambda late: bookkeeping.record(BEGIN, request, BegunAhead, shown=self._details, late=late)
        )
        self._resumes.wanted = begun.resume
        if info.typed_search_attributes.get(DOMAIN) is None:
            self._shown.upsert(updates_of(of_run(begun.plan.domain, begun.partition, begun.plan.version)))
        return begun

    async def _go_on(self, options: ResumeOptions) -> Begun:
        """Begin again with what the reset run has completed."""
        self._resumes.go_on()
        info = temporal.info()
        request = ResumeRequest(
            workflow=self.spine.name,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            started_at=temporal.now(),
            options=options,
            first_run_id=info.first_execution_run_id,
            asked_at=temporal.now(),
        )
        begun = await self._begun(
            lambda late: bookkeeping.record(
                RESUME, request, Begun, f"from run {options.run_id}", shown=self._details, late=late
            )
        )
        self._resumes.gone_on(begun)
        return begun

    async def _begun(self, begin: Callable[[Callable[[], None]], Coroutine[Any, Any, Begun]]) -> Begun:
        """Begin; where the run is refused it fails, and the Web UI says why."""
        try:
            begun = await begin(self._cancel_late)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            failure = failures.failure_of(error)
            temporal.set_current_details(refused_details(failure.type or "", failure.message))
            raise failure from error
        self._shown.begin(is_known=begun.search_attributes)
        return begun

    def _cancel_late(self) -> None:
        """Keep in mind that the run was cancelled while it began."""
        self._is_cancelled = True

    def _details_of_end(self, result: WorkflowResult) -> str:
        if result.reused:
            return earlier_details(result)
        if self._driver is None:
            return recorded_details(result)
        run = self._driver.run
        return ended_details(run.state, result, run.details.qualities)

    def _end(self, result: WorkflowResult) -> WorkflowResult:
        """End the run in Temporal as it has ended in Postgres."""
        temporal.set_current_details(self._details_of_end(result))
        failed = result.status is WorkflowStatus.FAILED
        category = result.error_category or ErrorCategory.INTERNAL.value
        self._shown.show(category[:100] if failed else result.status.value)
        if failed:
            raise ApplicationError(f"{result.error_step}: {result.error}", result, type=category, non_retryable=True)
        if result.status is WorkflowStatus.CANCELLED:
            raise asyncio.CancelledError
        return result

"""The Temporal workflow of a backfill: it has its runs tended to the last, and hears what operators want.

Postgres keeps its partitions, so that its own history stays small, however many they are.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError
from temporalio.workflow import ActivityCancellationType, ActivityHandle

from spine_temporal.definition.errors import ErrorCategory, ParamsError
from spine_temporal.operating.backfill.details import summary_details
from spine_temporal.operating.backfill.messages import (
    BACKFILL,
    CHANGE,
    SUMMARY,
    TEND,
    Change,
    ChangeRequest,
    Summary,
    Tended,
    change_of,
)

#: After which another worker tends the backfill, where the one that did is silent.
_SILENT = timedelta(seconds=15)
#: Between two looks at the counts that the Web UI shows: the first, and the longest.
_SHOWN, _SHOWN_MOST = 5.0, 60.0
_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20))
_SHORT, _LONGEST = timedelta(seconds=60), timedelta(days=3650)


@workflow.defn(name=BACKFILL)
class BackfillWorkflow:
    """Tends one backfill."""

    def __init__(self) -> None:
        self._id = ""
        #: Changes that were written since the tending was last begun.
        self._changes = 0
        self._summary: Summary | None = None

    @workflow.run
    async def run(self, backfill_id: str) -> Summary:
        """Go on until each partition has ended or was skipped; return the counts."""
        self._id = backfill_id
        showing = asyncio.create_task(self._keep_showing())
        while not await self._tended():
            pass
        showing.cancel()
        await self._until(workflow.all_handlers_finished)
        counting = workflow.start_activity(
            SUMMARY, backfill_id, result_type=Summary, start_to_close_timeout=_SHORT, retry_policy=_AGAIN
        )
        await self._until(counting.done)
        summary: Summary = await counting
        workflow.set_current_details(summary_details(summary, workflow.info().namespace))
        return summary

    @workflow.query(name="progress", description="How far the backfill has come, as it was last shown")
    def progress(self) -> Summary | None:
        """Return the counts."""
        return self._summary

    @workflow.update(name="pause", description="Start nothing new: {by, reason}")
    async def pause(self, given: Any = None) -> str:
        """Pause the backfill; what runs goes on."""
        return await self._change(change_of("pause", given))

    @workflow.update(name="resume", description="Go on after a pause: {by, reason}")
    async def resume(self, given: Any = None) -> str:
        """Go on."""
        return await self._change(change_of("resume", given))

    @workflow.update(name="set", description="Have more runs at a time, or fewer: {max_parallel, by, reason}")
    async def set_(self, given: Any = None) -> str:
        """Have another number of runs at a time."""
        return await self._change(change_of("set", given))

    @workflow.update(name="cancel", description="Start nothing any more: {by, reason}; runs too: {runs: true}")
    async def cancel(self, given: Any = None) -> str:
        """End the backfill when what runs has ended."""
        return await self._change(change_of("cancel", given))

    @pause.validator
    def _check_pause(self, given: Any = None) -> None:
        _check("pause", given)

    @resume.validator
    def _check_resume(self, given: Any = None) -> None:
        _check("resume", given)

    @set_.validator
    def _check_set(self, given: Any = None) -> None:
        _check("set", given)

    @cancel.validator
    def _check_cancel(self, given: Any = None) -> None:
        _check("cancel", given)

    async def _tended(self) -> bool:
        """Have the backfill tended until nothing of it runs; return whether it has ended."""
        self._changes = 0
        tending = workflow.start_activity(
            TEND,
            self._id,
            result_type=Tended,
            start_to_close_timeout=_LONGEST,
            heartbeat_timeout=_SILENT,
            retry_policy=_AGAIN,
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        is_full = workflow.info().is_continue_as_new_suggested
        await self._until(lambda: tending.done() or is_full())
        if not tending.done():
            await self._continue_as_new(tending)
        tended: Tended = await tending
        if tended.is_idle and not tended.status.has_ended:
            await self._until(asyncio.create_task(self._show()).done)
            await self._until(lambda: self._changes > 0)
        return tended.status.has_ended

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Wait for it: the one way in which the workflow waits, so that it hears a cancel by Temporal wherever it is.

        The runs that it has started still end.
        """
        while True:
            try:
                await workflow.wait_condition(is_so)
            except asyncio.CancelledError:
                with contextlib.suppress(ApplicationError):  # it is being cancelled already
                    await self._change(Change(action="cancel", by="Temporal", reason="the workflow was cancelled"))
            else:
                return

    async def _continue_as_new(self, tending: ActivityHandle[Tended]) -> None:
        """Go on with an empty history; whoever tends next finds the runs that go on meanwhile."""
        tending.cancel()
        await self._until(tending.done)
        with contextlib.suppress(FailureError):
            await tending
        await self._until(workflow.all_handlers_finished)
        workflow.continue_as_new(self._id)

    async def _change(self, change: Change) -> str:
        try:
            told: str = await workflow.execute_activity(
                CHANGE,
                ChangeRequest(backfill_id=self._id, change=change),
                result_type=str,
                start_to_close_timeout=_SHORT,
                retry_policy=_AGAIN,
            )
        except ActivityError as error:
            raise _refused(str(getattr(error.cause, "message", error))) from None
        self._changes += 1
        await self._show()
        return told

    async def _keep_showing(self) -> None:
        pause = _SHOWN
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _SHOWN_MOST)
            await self._show()

    async def _show(self) -> None:
        """Show the counts as they are now; where Postgres is away, those of before stay."""
        try:
            self._summary = await workflow.execute_local_activity(
                SUMMARY,
                self._id,
                result_type=Summary,
                schedule_to_close_timeout=timedelta(seconds=20),
                retry_policy=RetryPolicy(maximum_attempts=2),
            )
        except ActivityError:
            return
        workflow.set_current_details(summary_details(self._summary, workflow.info().namespace))


def _check(action: str, given: Any) -> None:
    try:
        change_of(action, given)
    except ParamsError as error:
        raise _refused(str(error)) from None


def _refused(message: str) -> ApplicationError:
    return ApplicationError(message, type=ErrorCategory.CONFIGURATION.value, non_retryable=True)

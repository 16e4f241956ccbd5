"""``spine.scheduled``: what a schedule starts. It asks which runs are due, starts each, and waits until all have ended.

The runs are children, which go on where this workflow is terminated, but for those of a schedule whose overlap is
``terminate_other``. A partition that is running is joined.
"""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from temporalio import workflow as temporal
from temporalio.common import RetryPolicy, SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import ChildWorkflowError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from spine_temporal.definition.calendar_rule import in_utc
from spine_temporal.definition.params import FINGERPRINT
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.definition.schedule import Overlap
from spine_temporal.operating.schedules.messages import (
    DUE,
    SCHEDULED,
    Due,
    DueRequest,
    DueRun,
    ScheduledRequest,
    ScheduledResult,
)
from spine_temporal.translation.failures import failed_outcome

#: The time at which a schedule fires, before any jitter.
_FIRED_AT = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
#: How long a worker is waited for that has the schedule's definition.
_PATIENCE = timedelta(hours=1)
_ATTEMPT = timedelta(minutes=1)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1))

JOINED = "joined"
ALREADY_COMPLETED = "already completed"
_RUNNING = "running"


@temporal.defn(name=SCHEDULED)
class Scheduled:
    """Starts the runs of a schedule's times, one time after the other."""

    @temporal.run
    async def run(self, request: ScheduledRequest) -> ScheduledResult:
        """Return how many runs have ended how."""
        ended, note = Counter(request.ended), ""
        times = list(request.times or [_fired_at()])
        while times:
            due = await _due(request, times.pop(0))
            note = due.note
            ended.update(await _Runs(due, _at_close(request)).ended())
            if times and temporal.info().is_continue_as_new_suggested():
                temporal.continue_as_new(request.model_copy(update={"times": tuple(times), "ended": dict(ended)}))
        return ScheduledResult(ended=dict(ended), note=note)


def _fired_at() -> datetime:
    info = temporal.info()
    return info.typed_search_attributes.get(_FIRED_AT) or info.start_time


async def _due(request: ScheduledRequest, at: datetime) -> Due:
    asked = DueRequest(schedule=request.schedule, at=at, fired=not request.times)
    due: Due = await temporal.execute_activity(
        DUE,
        asked,
        result_type=Due,
        summary=in_utc(at),
        schedule_to_close_timeout=_PATIENCE,
        start_to_close_timeout=_ATTEMPT,
        retry_policy=_RETRY,
    )
    return due


def _at_close(request: ScheduledRequest) -> ParentClosePolicy:
    """Return what becomes of the runs where this workflow is terminated, as the schedule does to make room."""
    is_ended = request.declared.get("overlap") == Overlap.TERMINATE_OTHER.value
    return ParentClosePolicy.TERMINATE if is_ended else ParentClosePolicy.ABANDON


class _Runs:
    """The runs of one scheduled time, and how each stands, which the Web UI shows."""

    def __init__(self, due: Due, at_close: ParentClosePolicy) -> None:
        self._due = due
        self._at_close = at_close
        self._outcomes = {run.workflow_id: _RUNNING for run in due.runs}

    async def ended(self) -> list[str]:
        """Start all, wait until they have ended, and return their outcomes."""
        self._show()
        await asyncio.gather(*(self._run(run) for run in self._due.runs))
        return list(self._outcomes.values())

    async def _run(self, run: DueRun) -> None:
        self._outcomes[run.workflow_id] = await _outcome(run, self._at_close)
        self._show()

    def _show(self) -> None:
        lines = [f"- {identity}: {outcome}" for identity, outcome in self._outcomes.items()]
        head = f"Due at {in_utc(self._due.at)}" if lines else self._due.note
        temporal.set_current_details("\n".join([head, "", *lines]))


async def _outcome(run: DueRun, at_close: ParentClosePolicy) -> str:
    """Start a run and return what it came to."""
    reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if run.again else WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
    try:
        result: WorkflowResult = await temporal.execute_child_workflow(
            run.workflow,
            args=[dict(run.params)],
            id=run.workflow_id,
            task_queue=run.task_queue,
            result_type=WorkflowResult,
            id_reuse_policy=reuse,
            parent_close_policy=at_close,
            memo={FINGERPRINT: run.fingerprint} if run.fingerprint else None,
            # Of a child the Web UI's timeline shows the summary alone, and not its type.
            static_summary=run.workflow_id,
        )
    except WorkflowAlreadyStartedError:
        return JOINED if run.again else ALREADY_COMPLETED
    except ChildWorkflowError as error:
        return failed_outcome(run.workflow_id, error).category
    return ALREADY_COMPLETED if result.reused else result.status.value

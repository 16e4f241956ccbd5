"""Why a run is where it is: what it retries, what fails, what it waits for, or how it ended."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import assert_never

from pydantic import ValidationError
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.exceptions import FailureError
from temporalio.service import RPCError

from spine_temporal.client.descriptions import described, how_to_unpause, is_paused, paused_by
from spine_temporal.client.pending import is_started, looks_for, next_in, task_queue_of
from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.task_queues import ACTIVITY_TASKS, WORKFLOW_TASKS, is_polled, what_to_start, workers_of
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.run_result import WorkflowResult, WorkflowStatus
from spine_temporal.runtime.backfill_places import NO_PLACE
from spine_temporal.runtime.run_activities import NOT_YET
from spine_temporal.runtime.source_limits import LIMITED
from spine_temporal.translation.waiting import (
    WAITING,
    BusyPartition,
    Cause,
    DecidedGate,
    HeldGate,
    MissingCode,
    OtherPartitions,
    RunningMap,
    RunningPipeline,
    RunningStep,
    RunningWorkflow,
    Timer,
    Unrecorded,
    Waiting,
)

#: What the worker gets to answer a question.
_PATIENCE = timedelta(seconds=5)
#: What can be done where a `wait_for` has looked in vain.
_LOOKS_AGAIN = "it looks again by itself until its timeout: complete that partition, or cancel the run"
#: What can be done where a decided run waits for a place of its backfill.
_WAITS_ITS_TURN = (
    "it goes on by itself when a run of the backfill has ended; `spine-temporal backfill set` has more of them at a "
    "time, and `backfill resume` goes on with a backfill whose workflow was terminated"
)
#: Characters of a held gate's error.
_LONGEST = 300
_TASK_FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED


class ReasonKind(StrEnum):
    """What sort of reason it is; the values are what is printed."""

    ENDED = "ended"
    PAUSED = "paused"
    #: An attempt has failed, and the next one is due.
    RETRIES = "retries"
    RUNS = "runs"
    #: Nothing is known to keep it.
    GOES_ON = "goes on"
    WAITS = "waits"
    #: Another run holds its partition.
    BUSY = "busy"
    #: The limit of its source keeps an attempt waiting.
    LIMIT = "limit"
    #: A gate waits for a person.
    HELD = "held"
    WAITS_FOR_A_SLOT = "waits for a slot"
    #: Comes before all others.
    NO_WORKER = "no worker"
    WORKFLOW_TASK_FAILS = "workflow task fails"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason, and what can be done about it."""

    kind: ReasonKind
    text: str
    advice: str = ""


#: Where a worker cannot be asked: it is older than this command, or does not answer.
_SILENT = Reason(
    kind=ReasonKind.GOES_ON,
    text="its worker does not say what it waits for",
    advice="it may be an older worker: `spine-temporal status` and the Web UI show how far the run has come",
)


async def reasons(client: Client, handle: RunHandle) -> list[Reason]:
    """Return why the newest run of the workflow id is where it is, the likeliest cause first."""
    description = await described(client, handle.handle)
    if description.status is not WorkflowExecutionStatus.RUNNING:
        return [_ended(description, await handle.result())]
    if is_paused(description):
        return [Reason(kind=ReasonKind.PAUSED, text=paused_by(description), advice=how_to_unpause(description))]
    pending = description.raw_description.pending_activities
    queues = {task_queue_of(each) or description.task_queue for each in pending}
    workers = {queue: len(await workers_of(client, queue, ACTIVITY_TASKS)) for queue in queues}
    found = [
        *await _of_workflow_task(client, description),
        *(_of_activity(each, description, workers) for each in pending),
    ]
    if not await is_polled(client, description.task_queue, WORKFLOW_TASKS):
        others = (reason for reason in found if reason.kind is not ReasonKind.NO_WORKER)
        return [_no_worker(description, "it", description.task_queue), *others]
    if not found or all(reason.kind is ReasonKind.RUNS for reason in found):
        try:
            found = await _of_run(handle) + found
        except (RPCError, WorkflowQueryFailedError, FailureError, ValidationError):
            return found or [_SILENT]
    return found or [Reason(kind=ReasonKind.GOES_ON, text="the run is between two steps")]


def _ended(description: WorkflowExecutionDescription, result: WorkflowResult) -> Reason:
    if result.status in {WorkflowStatus.COMPLETED, WorkflowStatus.PARTIAL}:
        decided = [f"{step.step_name} {step.decision}" for step in result.step_executions if step.decision]
        return Reason(kind=ReasonKind.ENDED, text="; ".join([f"it has ended as {result.status}", *decided]))
    where = f" at step {result.error_step!r}" if result.error_step else ""
    text = f"it has ended as {result.status}{where}: {result.error or _how(description)}"
    if result.error_category == "PARTITION_BUSY":
        return Reason(kind=ReasonKind.ENDED, text=text, advice="start it again when that run has ended")
    return Reason(
        kind=ReasonKind.ENDED,
        text=text,
        advice=f"mend the cause, then `spine-temporal resume {shlex.quote(description.id)}`",
    )


def _how(description: WorkflowExecutionDescription) -> str:
    """Return how Temporal says that a run without an error has ended: cancelled, terminated, timed_out."""
    return description.status.name.lower() if description.status else "ended"


def _of_activity(
    activity: PendingActivityInfo, description: WorkflowExecutionDescription, workers: Mapping[str, int]
) -> Reason:
    what = f"{activity.activity_id!r} ({activity.activity_type.name})"
    if activity.activity_id.isdigit():
        what = activity.activity_type.name
    last = f", last error: {activity.last_failure.message}" if activity.last_failure.message else ""
    now = datetime.now(UTC)
    looks = _of_look(activity, now, what)
    if looks is not None:
        return looks
    if is_started(activity):
        since = _seconds_since(activity.last_started_time.ToDatetime(UTC))
        return Reason(kind=ReasonKind.RUNS, text=f"{what} runs for {since:.0f} s, attempt {activity.attempt}{last}")
    if activity.attempt > 1 and activity.HasField("next_attempt_schedule_time"):
        text = f"{what} is tried again in {next_in(activity, now):.0f} s, attempt {activity.attempt}{last}"
        return Reason(kind=ReasonKind.RETRIES, text=text, advice=_advice(activity.last_failure.message))
    since = _seconds_since(activity.scheduled_time.ToDatetime(UTC))
    queue = task_queue_of(activity) or description.task_queue
    if not workers[queue]:
        return _no_worker(description, what, queue)
    return Reason(
        kind=ReasonKind.WAITS_FOR_A_SLOT,
        text=f"{what} waits for {since:.0f} s for one of {workers[queue]} workers on task queue {queue!r}{last}",
        advice="they are all busy: start more workers, or raise SPINE_MAX_ACTIVITIES",
    )


def _of_look(activity: PendingActivityInfo, now: datetime, what: str) -> Reason | None:
    """Return what it looks for again and again; None where it does work."""
    told, wait = activity.last_failure.message, next_in(activity, now)
    match looks_for(activity, now):
        case ErrorCategory.PARTITION_BUSY.value:
            advice = f"it asks again in {wait:.0f} s; wait, or cancel either run"
            return Reason(kind=ReasonKind.BUSY, text=f"it {told}", advice=advice)
        case kind if kind == NOT_YET:
            return Reason(kind=ReasonKind.WAITS, text=f"`{activity.activity_id}`: {told}", advice=_LOOKS_AGAIN)
        case kind if kind == NO_PLACE:
            text = f"it {told}; it asks again in {wait:.0f} s"
            return Reason(kind=ReasonKind.WAITS, text=text, advice=_WAITS_ITS_TURN)
        case kind if kind == LIMITED:
            text = f"{what} comes again in {wait:.0f} s: {told}"
            return Reason(kind=ReasonKind.LIMIT, text=text, advice="`spine-temporal limits list` has all limits")
    return None


def _advice(failure: str) -> str:
    if "POSTGRES_AWAY" in failure:
        return "Postgres is away: bring it back, and the run goes on by itself"
    if "not registered on this worker" in failure:
        return "the workers lack this pipeline: start one whose modules register it, and the run goes on by itself"
    return "mend the cause, and the next attempt goes on; or cancel the run"


async def _of_workflow_task(client: Client, description: WorkflowExecutionDescription) -> list[Reason]:
    raw = description.raw_description
    if not raw.HasField("pending_workflow_task"):
        return []
    task = raw.pending_workflow_task
    if task.attempt > 1:
        failure = await _last_task_failure(client, description)
        return [
            Reason(
                kind=ReasonKind.WORKFLOW_TASK_FAILS,
                text=f"its workflow task fails, attempt {task.attempt}: {failure}",
                advice="start a worker with code that can go on with this run: see the error",
            )
        ]
    return []


def _no_worker(description: WorkflowExecutionDescription, what: str, queue: str) -> Reason:
    return Reason(
        kind=ReasonKind.NO_WORKER,
        text=f"{what} waits for a worker: none asks for work on task queue {queue!r}",
        advice=what_to_start(queue, description.workflow_type),
    )


async def _last_task_failure(client: Client, description: WorkflowExecutionDescription) -> str:
    message = "the worker does not say why"
    handle = client.get_workflow_handle(description.id, run_id=description.run_id)
    async for event in handle.fetch_history_events():
        if event.event_type == _TASK_FAILED:
            message = event.workflow_task_failed_event_attributes.failure.message or message
    return message


async def _of_run(handle: RunHandle) -> list[Reason]:
    """Ask the run itself what it waits for; raises where its worker does not know the question."""
    waiting: Waiting = await handle.handle.query(WAITING, result_type=Waiting, rpc_timeout=_PATIENCE)
    return [reason for cause in waiting.causes for reason in _of_cause(cause)]


def _of_cause(cause: Cause) -> list[Reason]:
    """Return the reasons that a cause gives; none for a running step, of which Temporal's description says more."""
    match cause:
        case HeldGate():
            how = "`spine-temporal waive`, `retry-step` or `abort`, or the update of that name"
            how += f"; {cause.asks}" if cause.asks else ""
            error = cause.error.replace("\n", " ")[:_LONGEST]
            return [
                Reason(
                    kind=ReasonKind.HELD,
                    text=f"`{cause.step}` is held for a person ({cause.category}: {error}): {how}",
                )
            ]
        case DecidedGate():
            text = f"`{cause.step}`, {cause.decision}: it goes on when that is recorded"
        case Timer():
            text = f"`{cause.step}`, a timer, {cause.ends}"
        case OtherPartitions():
            text = (
                f"`{cause.step}`, for {cause.workflow} to be {cause.reached}; its last look is under Pending Activities"
            )
        case MissingCode():
            text = f"a worker whose {cause.workflow!r} has the {cause.step_kind} step {cause.step!r}"
        case Unrecorded():
            text = f"{f'{cause.activity} {cause.summary}'.strip()}: {cause.error}"
        case BusyPartition() | RunningPipeline() | RunningMap() | RunningWorkflow() | RunningStep():
            return []
        case _:
            assert_never(cause)
    return [Reason(kind=ReasonKind.WAITS, text=text)]


def _seconds_since(moment: datetime) -> float:
    return (datetime.now(UTC) - moment).total_seconds()

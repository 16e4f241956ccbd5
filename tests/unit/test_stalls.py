"""Each cause that keeps a run from moving is named by what Temporal and Postgres say of it."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from spine_temporal.client.stalls import Queues, queues_of, stall_of
from spine_temporal.recording.stalls import OpenRow

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SERVED = Queues(workflow_tasks={"own": 1}, activity_tasks={"own": 1, "gpu": 1})


def described(*activities, task=None, paused="", children=0):
    """Return a description of an open run with these pending activities, and a workflow task where one is pending."""
    found = DescribeWorkflowExecutionResponse()
    found.workflow_execution_info.execution.workflow_id = "w/1"
    found.execution_config.task_queue.name = "own"
    if paused:
        found.workflow_extended_info.pause_info.identity = paused
    for activity in activities:
        activity(found.pending_activities.add())
    for _ in range(children):
        found.pending_children.add()
    if task is not None:
        found.pending_workflow_task.attempt, age = task
        found.pending_workflow_task.scheduled_time.FromDatetime(NOW - timedelta(seconds=age))
    return found


def runs(activity):
    activity.activity_id, activity.state = "fetch", PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


def waits(age, queue="", paused=False):
    def fill(activity):
        activity.activity_id, activity.attempt, activity.paused = "fetch", 1, paused
        activity.activity_options.task_queue.name = queue
        activity.scheduled_time.FromDatetime(NOW - timedelta(seconds=age))

    return fill


def failed(kind, message):
    def fill(activity):
        activity.activity_id, activity.attempt = "fetch", 3
        activity.next_attempt_schedule_time.FromDatetime(NOW + timedelta(seconds=60))
        activity.last_failure.message = message
        activity.last_failure.application_failure_info.type = kind

    return fill


def row(**given):
    return OpenRow(**{"run_id": "r", "workflow_id": "w/1", "held_stage": None, "held_for": None, "late": None} | given)


CASES = [
    ("retrying", described(failed("TRANSIENT", "no route")), None, "fetch, attempt 3: no route"),
    ("held", described(), row(held_stage="workflow.check", held_for="few"), "check waits for a person: few"),
    ("paused", described(paused="ann"), None, "ann has paused it"),
    ("paused", described(waits(1, paused=True)), None, "somebody has paused fetch"),
    ("busy", described(failed("PARTITION_BUSY", "waits for it")), None, "waits for it"),
    (
        "place",
        described(failed("NO_PLACE", "waits for a place in backfill b")),
        None,
        "waits for a place in",
    ),
    ("queued", described(waits(9)), None, "fetch waits for 9 s for a free slot on task queue 'own'"),
    ("queued", described(task=(1, 9)), None, "its workflow task waits for 9 s for a worker on task queue 'own'"),
    ("task failing", described(task=(4, 1)), None, "attempt 4 of its workflow task"),
    ("limit", described(failed("LIMITED", "limit 'k' is closed")), None, "fetch: limit 'k' is closed"),
    ("late", described(runs), row(late="due at noon"), "due at noon"),
    ("waiting", described(), None, "for a time that its definition says"),
    ("waiting", described(failed("NOT_YET", "not COMPLETED")), None, "fetch: not COMPLETED"),
]


@pytest.mark.parametrize(("cause", "description", "known", "told"), CASES)
def test_each_cause_is_named_in_a_line(cause, description, known, told):
    stall = stall_of(description, known, SERVED, NOW)
    assert (stall.cause, stall.workflow_id) == (cause, "w/1")
    assert told in stall.text


@pytest.mark.parametrize(
    ("description", "told"),
    [
        (described(task=(1, 1)), "none asks for work on task queue 'own'"),
        (described(waits(1, "gpu")), "fetch: none asks for work on task queue 'gpu'"),
    ],
)
def test_a_queue_that_nobody_serves_is_named(description, told):
    nobody = Queues(workflow_tasks={"own": 0}, activity_tasks={"gpu": 0})
    stall = stall_of(description, None, nobody, NOW)
    assert (stall.cause, stall.text) == ("no worker", told)


@pytest.mark.parametrize(
    "moving",
    [
        described(runs),
        described(waits(1)),
        described(task=(1, 1)),
        described(children=1),
        described(runs, failed("TRANSIENT", "one of two")),
    ],
)
def test_a_run_that_moves_has_no_line(moving):
    assert stall_of(moving, row(), SERVED, NOW) is None


def test_of_several_causes_the_first_is_told_and_that_the_partition_is_late_is_added():
    both = described(waits(9), failed("TRANSIENT", "no route"))
    stall = stall_of(both, row(late="due at noon"), SERVED, NOW)
    assert (stall.cause, stall.text) == ("retrying", "fetch, attempt 3: no route; and its partition is late")


def test_which_task_queues_are_to_be_looked_at():
    assert queues_of(described(task=(1, 1))) == ("own", set())
    assert queues_of(described(runs, waits(1, "gpu"), waits(1))) == ("", {"gpu", "own"})

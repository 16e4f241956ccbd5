"""What a run costs, counted: activities, events, bytes, transactions and statements. No clock is needed for it."""

import pytest
from sqlalchemy import event
from temporalio.api.enums.v1 import EventType

from ops.benchmarks import job
from spine_temporal.runtime import brief_steps


@pytest.fixture
async def service(serve):
    async with serve(job.JOB, job.LOCAL, in_process=True) as running:
        yield running


@pytest.fixture
def executed(database):
    """The statements and the commits of a worker."""
    found = []
    event.listen(database.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: found.append(statement))
    event.listen(database.engine, "commit", lambda _connection: found.append("COMMIT"))
    return found


async def run(service, workflow, number=1):
    handle = await service.client.start(workflow, {"number": number, "rows": job.ROWS})
    assert (await handle.result()).status == "COMPLETED"
    return (await handle.handle.fetch_history()).events


def of(events, name):
    return [one for one in events if one.event_type == getattr(EventType, f"EVENT_TYPE_{name}")]


async def test_the_five_step_job_schedules_three_activities_and_stays_in_its_budget(service):
    events = await run(service, job.JOB)
    assert len(of(events, "ACTIVITY_TASK_SCHEDULED")) == 3
    assert len(of(events, "WORKFLOW_TASK_COMPLETED")) == 4
    assert len(of(events, "MARKER_RECORDED")) == 1  # begin
    assert len(events) == 25
    assert sum(one.ByteSize() for one in events) < 11_000


async def test_with_local_pipelines_it_is_one_workflow_task(service):
    events = await run(service, job.LOCAL)
    assert of(events, "ACTIVITY_TASK_SCHEDULED") == []
    assert len(of(events, "WORKFLOW_TASK_COMPLETED")) == 1
    assert len(of(events, "MARKER_RECORDED")) == 4  # begin, three pipelines
    assert len(events) == 10


async def test_once_its_steps_are_known_to_be_brief_it_is_one_workflow_task_too(service, monkeypatch):
    monkeypatch.setattr(brief_steps, "BRIEF", 30)  # however busy the machine is
    for number in range(brief_steps.SEEN):
        await run(service, job.JOB, number)
    events = await run(service, job.JOB, brief_steps.SEEN)
    assert of(events, "ACTIVITY_TASK_SCHEDULED") == []
    assert len(of(events, "WORKFLOW_TASK_COMPLETED")) == 1
    assert len(events) == 10


async def test_it_is_four_transactions_of_nine_statements(service, executed):
    await run(service, job.JOB)
    # Begin; three pipelines, each opened and completed; the last ends the run.
    assert sizes_of(executed) == [2, 2, 2, 3]


async def test_a_partition_that_is_not_new_is_looked_at_before_it_is_begun(service, executed):
    handle = await service.client.start(job.JOB, {"number": 1, "rows": 1})
    assert (await handle.result()).status == "FAILED"
    executed.clear()
    await run(service, job.JOB)
    assert sizes_of(executed) == [3, 2, 2, 3]


def sizes_of(executed):
    """Return how many statements each transaction has."""
    commits = [position for position, statement in enumerate(executed) if statement == "COMMIT"]
    return [end - begin - 1 for begin, end in zip([-1, *commits], commits, strict=False)]

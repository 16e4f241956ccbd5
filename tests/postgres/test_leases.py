"""Places at a source: one for each execution, and none for what has ended."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from spine_temporal.machine.plan import PlannedLimit
from spine_temporal.recording.limit_switches import list_limits
from spine_temporal.recording.limits import Lease, Obstacle, ask, close_for, release_lease

_RUN = text("""
    INSERT INTO core_runs (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at)
    VALUES (:run_id, 'w', 'w', 'w', '{}', '{}', '{}', 'RUNNING', now())
""")
ONE = PlannedLimit(key="source", concurrency=1)


@pytest.fixture
def leased(connection):
    """Ask for a lease of an execution of a run of its own, or of the one that is given."""

    def ask_for(lease=None, limit=ONE):
        if lease is None:
            lease = Lease(limit=limit, execution_id=uuid4(), run_id=uuid4().hex, time=timedelta(hours=1))
            connection.execute(_RUN, {"run_id": lease.run_id})
        return lease, ask(connection, lease).obstacle

    return ask_for


def test_the_next_attempt_of_an_execution_has_its_place_wherever_its_worker_is(leased, connection):
    first, obstacle = leased()
    assert obstacle is None
    second, obstacle = leased()
    assert obstacle is Obstacle.FULL
    assert leased(first)[1] is None  # the attempt before it was lost with its worker
    assert leased(second)[1] is Obstacle.FULL
    [state] = list_limits(connection)
    assert (state.running, state.waiting) == (1, 1)
    release_lease(connection, "source", first.execution_id)
    assert leased(second)[1] is None


def test_what_has_ended_or_has_passed_its_time_holds_nothing(leased, connection):
    first, _ = leased()
    connection.execute(text("UPDATE core_runs SET status = 'CANCELLED' WHERE run_id = :id"), {"id": first.run_id})
    second, obstacle = leased()
    assert obstacle is None
    connection.execute(text("UPDATE core_leases SET expires_at = now() - interval '1 s'"))
    assert leased()[1] is None
    assert connection.execute(text("SELECT count(*) FROM core_leases")).scalar() == 1
    assert second.execution_id != first.execution_id


def test_each_has_a_time_of_its_own_where_so_many_begin_in_a_second(leased, connection):
    slow = PlannedLimit(key="slow", per_second=0.01)
    first, obstacle = leased(limit=slow)
    assert obstacle is None
    assert leased(limit=slow)[1] is Obstacle.RATE
    waits = connection.execute(
        text("SELECT extract(epoch FROM starts_at - now()) FROM core_leases ORDER BY starts_at DESC LIMIT 1")
    ).scalar()
    assert 99 < waits <= 101
    assert first.run_id


def test_a_pause_is_never_made_shorter_by_another(leased, connection):
    leased()
    for seconds in (100, 10):
        close_for(connection, "source", timedelta(seconds=seconds), reason="SOURCE_BUSY: 429")
    left = connection.execute(text("SELECT extract(epoch FROM closed_until - now()) FROM core_limits")).scalar()
    assert left == 100
    assert leased()[1] is Obstacle.CLOSED

"""Coverage reads ten thousand partitions with one query, and sees what has changed below a complete one."""

from datetime import UTC, date, datetime

from sqlalchemy import event

from spine_temporal.client.coverage import judged
from spine_temporal.definition.coverage import CoverageStatus as Status
from spine_temporal.definition.run_key import RunKey
from spine_temporal.recording.backfill_partitions import BackfillPartition
from spine_temporal.recording.coverage import covered_partitions
from spine_temporal.recording.partitions import claim
from spine_temporal.recording.run_lifecycle import NewRun, add_parents, close_run, open_run
from spine_temporal.runtime.ending import run_stage

TODAY = date(2025, 6, 2)


def begin(connection, run_id, number, *, workflow="w", resumed_from=None):
    key = RunKey(
        run_id=run_id, workflow=workflow, workflow_id=f"{workflow}/{number}", domain="d", partition={"n": number}
    )
    key = key.with_epoch(claim(connection, key).epoch)
    run = NewRun(
        key=key, params={}, plan="{}", started_at=datetime.now(UTC), temporal="here", first_run_id=run_id,
        resumed_from=resumed_from,
    )  # fmt: skip
    open_run(connection, run, run_stage("STARTED", 0, run_id))
    return key


def end(connection, key, status="COMPLETED", parents=()):
    others = [stage for stage in ("COMPLETED", "PARTIAL", "FAILED", "CANCELLED") if stage != status]
    result = '{"error_step": "load", "error": "no file", "error_category": "DATA_QUALITY"}'
    assert close_run(
        connection, key, status=status, completed_at=datetime.now(UTC), result=result,
        stages=[run_stage(status, 9, key.run_id)], forgotten=others, parents=parents,
    )  # fmt: skip


def statuses(connection, count, workflow="w"):
    keys = [{"n": number} for number in range(count)]
    rows = [
        BackfillPartition(position=n, params=key, partition_key=key, workflow_id="", not_before=None)
        for n, key in enumerate(keys)
    ]
    found = covered_partitions(connection, workflow, keys)
    return [judged(row, one, TODAY) for row, one in zip(rows, found, strict=True)]


def test_each_partition_stands_as_its_newest_run_does(connection):
    end(connection, begin(connection, "r0", 0))
    end(connection, begin(connection, "r1", 1), "FAILED")
    end(connection, begin(connection, "r2", 2), "PARTIAL")
    end(connection, begin(connection, "r3", 3), "FAILED")
    end(connection, begin(connection, "r3b", 3))
    begin(connection, "r4", 4)
    found = statuses(connection, 6)
    assert [one.status for one in found] == [
        Status.COMPLETE, Status.FAILED, Status.PARTIAL, Status.COMPLETE, Status.RUNNING, Status.MISSING,
    ]  # fmt: skip
    assert (found[1].told, found[1].run_id) == ("load: DATA_QUALITY: no file", "r1")
    assert (found[3].run_id, found[4].run_id, found[5].run_id) == ("r3b", "r4", None)


def test_a_partition_is_stale_when_another_run_has_completed_what_its_run_relied_on(connection):
    for name in ("a", "b"):
        end(connection, begin(connection, f"parent-{name}", name, workflow="parent"))
    end(connection, begin(connection, "r0", 0), parents=["parent-a", "parent-b"])
    waited = begin(connection, "r1", 1)
    add_parents(connection, waited.workflow_id, waited.run_id, {"parent-b", None})
    end(connection, waited)
    assert [one.status for one in statuses(connection, 2)] == [Status.COMPLETE] * 2
    end(connection, begin(connection, "failed", "a", workflow="parent"), "FAILED")
    end(connection, begin(connection, "newer", "a", workflow="parent"))
    first, second = statuses(connection, 2)
    assert (first.status, second.status) == (Status.STALE, Status.COMPLETE)
    assert first.told == 'parent {"n":"a"} was completed anew by run newer'


def test_a_run_that_goes_on_from_another_has_its_parents_too(connection):
    end(connection, begin(connection, "old", "a", workflow="parent"))
    end(connection, begin(connection, "r0", 0), "FAILED", parents=["old"])
    end(connection, begin(connection, "r0b", 0, resumed_from="r0"))
    assert statuses(connection, 1)[0].status is Status.COMPLETE
    end(connection, begin(connection, "new", "a", workflow="parent"))
    assert statuses(connection, 1)[0].status is Status.STALE
    end(connection, begin(connection, "r0c", 0, resumed_from="r0b"), parents=["new"])
    assert statuses(connection, 1)[0].status is Status.COMPLETE


def test_a_partition_that_never_ran_is_late_after_its_deadline(connection):
    connection.exec_driver_sql("""
        INSERT INTO core_lateness (deadline, partition_key, due_at, workflow, state)
        VALUES ('d', '{"n": 0}', '2025-05-01T12:00Z', 'w', 'late'), ('d', '{"n": 1}', '2025-05-01T12:00Z', 'w', 'late')
    """)
    end(connection, begin(connection, "r1", 1), "FAILED")
    found = statuses(connection, 3)
    assert [one.status for one in found] == [Status.LATE, Status.FAILED, Status.MISSING]
    assert found[0].told == "late since 2025-05-01T12:00:00Z"
    assert found[1].told == "load: DATA_QUALITY: no file; late since 2025-05-01T12:00:00Z"


def test_ten_thousand_partitions_are_one_query(connection):
    connection.exec_driver_sql("""
        INSERT INTO core_runs
            (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at, parents)
        SELECT 'r' || n, 'w/' || n, 'w', 'workflow.w', jsonb_build_object('n', n), '{}', '{}', 'COMPLETED', now(),
            jsonb_build_array('r' || (n + 1))
        FROM generate_series(0, 9999) AS n
    """)
    connection.exec_driver_sql("""
        INSERT INTO core_manifest (domain, partition_key, stage, stage_rank, execution_id)
        SELECT domain, partition_key, 'COMPLETED', 9, run_id FROM core_runs
    """)
    executed = []
    event.listen(connection, "before_cursor_execute", lambda *given: executed.append(given[2]))
    found = statuses(connection, 10_000)
    assert len(executed) == 1
    assert {one.status for one in found} == {Status.COMPLETE}

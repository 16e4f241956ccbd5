"""What gates and pipelines measure is kept, whatever becomes of the run."""

import asyncio

import pytest

from spine_temporal import WorkflowStatus
from spine_temporal.recording.quality import list_quality, quality_rows
from tests.temporal import vocabulary as jobs
from tests.temporal.test_held_gates import held

CHECK = [("check", 0, "overall", None, None, True), ("check", 0, "rows", 10.0, 1.0, True)]


def ingested(bad, *, passed):
    return [
        ("ingest", 0, "invalid_count", float(bad), None, None),
        ("ingest", 0, "null_count", 0.0, None, None),
        ("ingest", 0, "overall", None, None, passed),
        ("ingest", 0, "record_count", 10.0, None, None),
        ("ingest", 0, "share", bad / 10, None, None),
        ("ingest", 0, "valid_count", 10.0 - bad, None, None),
    ]


@pytest.fixture
async def service(serve):
    async with serve(jobs.MEASURED, jobs.STRICT, jobs.HELD) as running:
        yield running


def measured(service, run_id):
    return service.rows(
        "SELECT step, round, check_name, value, threshold, passed FROM core_quality WHERE run_id = :run_id "
        "ORDER BY step, round, check_name",
        run_id=run_id,
    )


async def test_a_passing_gate_and_a_pipeline_are_measured(service):
    result = await service.client.execute(jobs.MEASURED, {"invalid": 2})
    assert result.status is WorkflowStatus.COMPLETED
    assert measured(service, result.run_id) == CHECK + ingested(2, passed=True)


async def test_a_dry_run_measures_nothing(service):
    await service.client.execute(jobs.MEASURED, {}, dry_run=True)
    assert service.rows("SELECT count(*) FROM core_quality") == [(0,)]


async def test_the_measures_of_a_pipeline_that_failed_of_them_are_kept(service):
    result = await service.client.execute(jobs.MEASURED, {"invalid": 6})
    assert (result.status, result.error) == (WorkflowStatus.FAILED, "half is bad")
    assert measured(service, result.run_id) == ingested(6, passed=False)


async def test_the_measures_of_a_gate_that_ends_the_run_are_kept(service):
    result = await service.client.execute(jobs.STRICT, {})
    assert result.status is WorkflowStatus.FAILED
    rows = [("check", 0, "overall", None, None, False), ("check", 0, "rows", 1.0, 2.0, False)]
    assert measured(service, result.run_id) == rows


async def test_the_measures_of_a_held_gate_are_there_while_it_waits(service, database):
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE mended (test text)")
    handle = await service.client.start(jobs.HELD, {"test": "quality"})
    await held(handle)
    run_id = (await handle.progress()).run_id
    for _ in range(100):
        rows = measured(service, run_id)
        if rows:
            break
        await asyncio.sleep(0.05)
    first = [("check", 0, "overall", None, None, False), ("check", 0, "rows", 1.0, 2.0, False)]
    assert rows == first
    await handle.decide("retry", "check", by="ann", reason="mended", start_from="ingest")
    await handle.result()
    again = [("check", 1, "overall", None, None, True), ("check", 1, "rows", 2.0, 2.0, True)]
    assert measured(service, run_id) == first + again
    with database.begin() as connection:
        [failed, _] = list_quality(connection, workflow="vocabulary.held", failed=True)
    assert (failed["partition_key"], failed["step"], failed["passed"]) == ({"test": "quality"}, "check", False)


def test_two_checks_of_one_name_are_one_row():
    check = {"name": "rows", "value": 1, "threshold": 2, "passed": False}
    quality = {"checks": [check, {**check, "value": float("nan")}], "passed": False}
    rows = quality_rows([{"step": "check", "round": 0, "quality": quality}] * 2)
    assert [(row["check_name"], row["value"]) for row in rows] == [("rows", None), ("overall", None)]

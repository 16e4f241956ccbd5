"""Pipelines that commit in parts go on where they were; large outputs are kept in Postgres and come back."""

import asyncio
from uuid import uuid4

from temporalio.worker import Replayer

from spine_temporal import SpinePlugin, WorkflowStatus
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal import chunked

PARTS = "SELECT category, message FROM core_anomalies WHERE severity = 'INFO' ORDER BY category"


async def test_a_second_attempt_goes_on_after_the_last_part_that_was_told(serve):
    async with serve(chunked.CHUNKED) as service:
        result = await service.execute(chunked.CHUNKED, {"then": "transient"})
        assert result.outputs["parts"] == {"row_count": 5, "began_at": 3}
        told = [("attempt 1" if part <= 3 else "attempt 2") for part in range(1, 6)]
        assert service.rows(PARTS) == [(f"PART_{part}", told[part - 1]) for part in range(1, 6)]
        assert service.rows("SELECT status, attempt, row_count FROM core_executions") == [("COMPLETED", 2, 5)]
        assert service.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


async def test_a_cancelled_one_keeps_its_parts_and_frees_the_partition(serve, tmp_path):
    async with serve(chunked.CHUNKED) as service:
        params = {"then": "cancelled", "marker": str(tmp_path / "marker")}
        handle = await service.client.start(chunked.CHUNKED, params)
        while not (tmp_path / "marker").exists():  # noqa: ASYNC110 - another thread makes it
            await asyncio.sleep(0.05)
        await handle.cancel()
        assert (await asyncio.wait_for(handle.result(), 30)).status is WorkflowStatus.CANCELLED
        assert [category for category, _ in service.rows(PARTS)] == ["PART_1", "PART_2", "PART_3"]
        assert service.rows("SELECT count(run_id) FROM core_partitions") == [(0,)]
        assert service.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(0,)]


async def test_what_such_a_pipeline_does_wrongly_is_told(serve):
    async with serve(chunked.CHUNKED) as service:
        for then, message in (("connection", "use `with self.transaction()"), ("heartbeat", "heartbeat details[0]")):
            result = await service.execute(chunked.CHUNKED, {"then": then})
            assert (result.status, result.error_category) == (WorkflowStatus.FAILED, "CONFIGURATION")
            assert message in result.error


async def test_an_output_of_megabytes_is_kept_in_postgres_and_read_by_gates(serve, database):
    async with serve(chunked.BIG) as service:
        handle = await service.client.start(chunked.BIG, {"test": uuid4().hex})
        result = await asyncio.wait_for(handle.result(), 60)
        assert result.outputs["measure"] == result.outputs["again"] == {"length": 3_000_000}
        assert result.outputs["big"] == {"omitted": "3,000,025 bytes: see core_executions"}
        assert service.rows("SELECT count(*) > 0 FROM core_payloads WHERE length(payload) > 3000000") == [(True,)]
        history = await handle.handle.fetch_history()
        assert sum(event.ByteSize() for event in history.events) < 100_000
        plugin = SpinePlugin(definitions=definitions_of([chunked.BIG]), database=database)
        await Replayer(workflows=[], plugins=[plugin]).replay_workflow(history)
        resumed = await service.client.resume(handle.workflow_id, [chunked.BIG], database, start_from="again", by="ann")
        again = await asyncio.wait_for(resumed.result(), 60)
        assert again.outputs["again"] == {"length": 3_000_000}
        assert service.rows("SELECT count(*) FROM core_executions") == [(1,)]

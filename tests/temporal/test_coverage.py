"""A run's parents are its sub-workflows' runs, also one that had completed its partition before."""

from spine_temporal.client.coverage import coverage_of
from spine_temporal.definition.coverage import CoverageStatus
from tests.temporal.backfilled import BACKFILLED, TOTAL


async def test_a_partition_is_stale_when_the_partition_of_its_sub_workflow_is_done_anew(serve, database):
    days = {"day": "2025-01-03..2025-01-04"}

    async def statuses():
        return [one.status for one in await coverage_of(database, TOTAL, days)]

    async with serve(BACKFILLED, TOTAL, in_process=True) as service:
        earlier = await service.client.execute(BACKFILLED, {"shard": 3, "day": "2025-01-03"})
        total = await service.client.execute(TOTAL, {"day": "2025-01-03"})
        assert service.rows("SELECT parents FROM core_runs WHERE run_id = :id", id=total.run_id) == [
            ([earlier.run_id],)
        ]
        assert await statuses() == [CoverageStatus.COMPLETE, CoverageStatus.MISSING]
        await service.client.execute(BACKFILLED, {"shard": 3, "day": "2025-01-03"}, force=True)
        assert await statuses() == [CoverageStatus.STALE, CoverageStatus.MISSING]
        await service.client.execute(TOTAL, {"day": "2025-01-03"}, force=True)
        assert await statuses() == [CoverageStatus.COMPLETE, CoverageStatus.MISSING]

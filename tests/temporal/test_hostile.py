"""Some hundreds of hostile starts: each completes or fails with a reason, and no workflow task fails."""

from uuid import uuid4

import pytest

from ops.hostile import jobs
from ops.hostile.run import generated, send_all
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker

COUNT = 300


@pytest.mark.timeout(180)
async def test_hostile_starts_end_with_a_reason(temporal, database):
    queue = f"hostile-{uuid4().hex[:8]}"
    async with running_worker(temporal, database, definitions_of(jobs.ALL), task_queue=queue, max_activities=20):
        verdict = await send_all(temporal, queue, generated(COUNT, 7))
    assert verdict.differences == []
    assert verdict.task_failures == 0
    assert sum(verdict.counts.values()) == COUNT
    assert verdict.counts["failed"] > COUNT / 2
    assert verdict.counts["completed"] > 0

"""A hundred hostile starts: each completes or fails with a reason, and no workflow task fails."""

from uuid import uuid4

from temporalio.api.common.v1 import Payload

from ops.hostile import jobs, mean
from ops.hostile.mean_runs import drawn, run_all
from ops.hostile.run import generated, send_all
from ops.hostile.starts import Start, reference
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker

COUNT = 100


async def test_hostile_starts_end_with_a_reason(temporal, database):
    queue = f"hostile-{uuid4().hex[:8]}"
    async with running_worker(temporal, database, definitions_of(jobs.ALL), task_queue=queue, max_activities=20):
        verdict = await send_all(temporal, queue, generated(COUNT, 7))
    assert verdict.differences == []
    assert verdict.task_failures == 0
    assert sum(verdict.counts.values()) == COUNT
    assert verdict.counts["failed"] > COUNT / 2
    assert verdict.counts["completed"] > 0


async def test_forged_references_and_numbers_that_are_none_end_with_a_reason(temporal, database):
    legacy = {"encoding": b"json/external-storage-reference"}
    plain = {"encoding": b"json/plain"}
    starts = [
        Start("hostile.free", (reference("unheard of", {}),)),
        Start("hostile.free", (reference("spine.postgres", {}),)),
        Start("hostile.unknown", (reference("spine.postgres", {"payload_id": "pruned"}),)),
        Start("hostile.free", (Payload(metadata=plain, data=b"{}"), reference("unheard of", {}))),
        Start("hostile.free", (Payload(metadata=legacy, data=b"{"),)),
        Start("hostile.free", (Payload(metadata=plain, data=b'{"ratio": NaN}'),), "ratio"),
        Start("hostile.free", (Payload(metadata=plain, data=b'{"ratio": -Infinity}'),), "ratio"),
    ]
    queue = f"hostile-{uuid4().hex[:8]}"
    async with running_worker(temporal, database, definitions_of(jobs.ALL), task_queue=queue, max_activities=20):
        verdict = await send_all(temporal, queue, starts)
    assert verdict.differences == []
    assert verdict.counts == {"failed": len(starts)}


async def test_mean_gates_and_pipelines_end_as_they_must_and_write_what_completed_alone(temporal, database):
    with database.begin() as connection:
        connection.exec_driver_sql(mean.TABLE)
    queue, deeds = f"mean-{uuid4().hex[:8]}", drawn(30, 7)
    async with running_worker(temporal, database, definitions_of([mean.MEAN]), task_queue=queue, max_activities=20):
        verdict = await run_all(temporal, queue, database, deeds)
    assert verdict.differences == []
    assert verdict.task_failures == 0
    completed = sum(mean.expected(*deed)[0] == "COMPLETED" for deed in deeds)
    assert verdict.counts == {"COMPLETED": completed, "FAILED": len(deeds) - completed}

"""Runs that ended in Temporal while they waited for a partition, and so could not leave the queue."""

import asyncio

from spine_temporal.recording.database import Database
from spine_temporal.recording.partition_queue import leave_queue, overdue_runs
from spine_temporal.runtime.temporal_runs import TemporalRun, TemporalRuns

#: Waiting runs that are looked at in one go.
_AT_ONCE = 50


async def forget_ended(temporal_runs: TemporalRuns, database: Database) -> list[str]:
    """Take those out of the queue that Temporal has closed; return their run ids."""
    temporal = await temporal_runs.place()

    def overdue() -> list[TemporalRun]:
        with database.begin() as connection:
            found = overdue_runs(connection, temporal=temporal, limit=_AT_ONCE)
        return [TemporalRun(**vars(run)) for run in found]

    def forget(run_id: str) -> None:
        with database.begin() as connection:
            leave_queue(connection, run_id)

    ended = [run.run_id for run in await asyncio.to_thread(overdue) if not (await temporal_runs.of(run)).is_open]
    for run_id in ended:
        await asyncio.to_thread(forget, run_id)
    return ended

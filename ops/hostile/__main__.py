"""``make hostile``: thousands of hostile starts, and of mean gates and pipelines, against real servers."""

import argparse
import asyncio
import logging
import os
import tempfile
import time
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from ops.ending import end_with
from ops.hostile import jobs, mean
from ops.hostile.mean_runs import drawn, run_all
from ops.hostile.run import Verdict, generated, send_all
from spine_temporal.embedded import embedded_servers
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import upgrade
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES

_SHOWN = 20


async def _run(address: str, database: Database, payloads: int, mean_runs: int, number: int) -> tuple[Verdict, Verdict]:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    definitions = definitions_of([*jobs.ALL, mean.MEAN])
    async with running_worker(client, database, definitions, task_queue="hostile", max_activities=20):
        starts = await send_all(client, "hostile", generated(payloads, number))
        return starts, await run_all(client, "hostile", database, drawn(mean_runs, number))


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payloads", type=int, default=10_000)
    parser.add_argument("--mean", type=int, default=10_000)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # each failure is judged
    number = int(os.environ.get("HOSTILE_SEED", "1"))
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hostile-") as home:
        Path(home).chmod(0o755)
        with embedded_servers(Path(home), search_attributes=SEARCH_ATTRIBUTES) as servers:
            database = Database(servers.database_url or "", pool_size=30)
            upgrade(database)
            with database.begin() as connection:
                connection.exec_driver_sql(mean.TABLE)
            address = servers.temporal_address or ""
            verdict, of_mean = asyncio.run(_run(address, database, options.payloads, options.mean, number))
            database.close()
    for difference in (verdict.differences + of_mean.differences)[:_SHOWN]:
        print(f"DIFFERENCE {difference}")
    counts = verdict.counts
    print(f"seed {number}, {time.monotonic() - began:.0f} s")
    print(
        f"hostile: {options.payloads} payloads, {counts['completed']} completed, {counts['failed']} failed with a "
        f"reason, {counts['refused']} refused at the door, {verdict.task_failures} workflow task failures, "
        f"{len(verdict.differences)} differences"
    )
    print(
        f"mean: {options.mean} gates and pipelines, {of_mean.counts['COMPLETED']} completed, "
        f"{of_mean.counts['FAILED']} failed as they must, {of_mean.task_failures} workflow task failures, "
        f"{len(of_mean.differences)} differences"
    )
    return 1 if verdict.differences or of_mean.differences else 0


if __name__ == "__main__":
    end_with(main)

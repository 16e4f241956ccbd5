"""spine-temporal on one file. Arguments: a workflow of ``ops.benchmarks.weeks``, the file, its week and its tier."""

import asyncio
import sys

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from ops.benchmarks import weeks
from ops.benchmarks.system import addresses, serve
from spine_temporal import SpineClient
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.runtime.worker import running_worker


async def main() -> None:
    """Serve orders; each run tells the seconds of its steps and of the whole."""
    address, url = addresses()
    name, file, week_ending, tier = sys.argv[1:]
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    queue = f"bench-{url.rpartition('/')[2][:60]}"
    definitions = load_definitions(["activities", "workflows", weeks.__name__])
    async with running_worker(client, Database(url), definitions, task_queue=queue, max_activities=4):
        spine = SpineClient(client, task_queue=queue)

        async def one(number: int) -> dict[str, float]:
            params = {"week_ending": week_ending, "tier": tier, "file_path": file}
            result = await spine.execute(getattr(weeks, name), params, force=True)
            assert result.status == "COMPLETED", result
            steps = {step.step_name: step.duration_seconds or 0.0 for step in result.step_executions}
            return {**steps, "whole": result.duration_seconds or 0.0}

        await serve(one)


if __name__ == "__main__":
    asyncio.run(main())

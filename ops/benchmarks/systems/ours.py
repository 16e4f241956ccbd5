"""spine-temporal with the defaults. Arguments: a module of ``ops.benchmarks``, and the name of its workflow."""

import asyncio
import sys
from importlib import import_module

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from ops.benchmarks import job
from ops.benchmarks.system import addresses, serve
from spine_temporal import SpineClient, Workflow
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.runtime.worker import SPARE_CONNECTIONS, running_worker
from spine_temporal.settings import Settings


async def main() -> None:
    """Serve orders."""
    address, url = addresses()
    module, name = f"ops.benchmarks.{sys.argv[1]}", sys.argv[2]
    workflow: Workflow = getattr(import_module(module), name)
    activities = Settings().max_activities
    database = Database(url, pool_size=activities + SPARE_CONNECTIONS)
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    queue = f"bench-{workflow.name}"
    async with running_worker(
        client, database, load_definitions([module]), task_queue=queue, max_activities=activities
    ):
        spine = SpineClient(client, task_queue=queue)

        async def one(number: int) -> None:
            result = await spine.execute(workflow, {"number": number, "rows": job.ROWS})
            assert result.status == "COMPLETED", result

        await serve(one)


if __name__ == "__main__":
    asyncio.run(main())

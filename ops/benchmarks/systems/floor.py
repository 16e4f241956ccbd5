"""What Temporal itself costs: three activities that do nothing, and no row."""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from ops.benchmarks.system import addresses, serve


@activity.defn
async def nothing() -> None:
    """Do nothing."""


@workflow.defn
class Floor:
    """Three activities, one after the other."""

    @workflow.run
    async def run(self) -> None:
        """Return nothing."""
        for _ in range(3):
            await workflow.execute_activity(nothing, start_to_close_timeout=timedelta(seconds=60))


async def main() -> None:
    """Serve orders."""
    address, _ = addresses()
    client = await Client.connect(address)
    async with Worker(
        client, task_queue="bench-floor", workflows=[Floor], activities=[nothing], max_concurrent_activities=20
    ):

        async def one(number: int) -> None:
            await client.execute_workflow(
                Floor.run, id=f"floor-{number}", task_queue="bench-floor", request_eager_start=True
            )

        await serve(one)


if __name__ == "__main__":
    asyncio.run(main())

"""spine-temporal where the worker and its processes have one core."""

import asyncio
import os

from ops.benchmarks.systems.ours import main

if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    asyncio.run(main())

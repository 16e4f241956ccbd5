"""Workflows that take as long as they are let."""

import time
from pathlib import Path

from pydantic import BaseModel

from spine_temporal import Pipeline, RetryPolicy, Step, Workflow, register_pipeline


@register_pipeline("slow.wait")
class Wait(Pipeline):
    """Writes a row, says so, and waits in Postgres."""

    def run(self):
        self.record_anomaly("WROTE", "a row that must not stay", severity="INFO")
        Path(self.params["marker"]).touch()
        self.connection.exec_driver_sql("SELECT pg_sleep(30)")
        time.sleep(30)
        return {}


class DayParams(BaseModel):
    """A day, and where to tell that it has begun."""

    day: str
    marker: str


SLOW = Workflow(name="slow.waits", steps=[Step.pipeline("wait", "slow.wait", heartbeat_timeout=3)])

TIMED = Workflow(
    name="slow.timed", steps=[Step.pipeline("wait", "slow.wait", timeout=1, retry=RetryPolicy(max_attempts=1))]
)

BY_DAY = Workflow(
    name="slow.by_day",
    params_model=DayParams,
    partition_by=["day"],
    steps=[Step.pipeline("wait", "slow.wait", heartbeat_timeout=3)],
)

"""A pipeline that takes as long as it is told."""

import time
from pathlib import Path

from spine_temporal import Pipeline, Step, Workflow, register_pipeline


@register_pipeline("slow_jobs.wait")
class Wait(Pipeline):
    """Writes a row, says that it has begun, and waits."""

    def run(self):
        with (Path(self.params["folder"]) / "begun").open("a") as log:
            log.write("x")
        self.record_anomaly("BEGUN", "a row of its transaction", severity="INFO")
        until = time.monotonic() + self.params["seconds"]
        while time.monotonic() < until and not (Path(self.params["folder"]) / "go").exists():
            time.sleep(0.05)
        return {"row_count": 1}


SLOW = Workflow(
    name="slow_jobs", partition_by=["test"], steps=[Step.pipeline("wait", "slow_jobs.wait", heartbeat_timeout=30)]
)

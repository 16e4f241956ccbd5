"""Pipelines that kill the worker with all of its processes, each time that they run."""

import os
import signal
import time
from pathlib import Path

from spine_temporal import Pipeline, RetryPolicy, Step, Workflow, register_pipeline

#: Variable with the pid of the worker, whose processes load this module after it.
WORKER = "LOST_WORKER"
os.environ.setdefault(WORKER, str(os.getpid()))


@register_pipeline("lost_jobs.kill")
class Kill(Pipeline):
    """Says that it began, and kills the worker as often as it is told."""

    def run(self):
        with Path(self.params["log"]).open("a") as log:
            log.write("x")
        if len(Path(self.params["log"]).read_text()) <= self.params["times"]:
            os.kill(int(os.environ[WORKER]), signal.SIGKILL)
            time.sleep(60)
        return {"row_count": 1}


@register_pipeline("lost_jobs.behind")
class Behind(Pipeline):
    """Kills nobody."""

    def run(self):
        return {"row_count": 1}


QUICK = RetryPolicy(max_attempts=2, initial_interval=0.1)
KILLS = Workflow(name="lost_jobs.kills", steps=[Step.pipeline("kill", Kill.name, retry=QUICK, heartbeat_timeout=1)])
KILLS_LOCALLY = Workflow(
    name="lost_jobs.kills_locally", steps=[Step.pipeline("kill", Kill.name, retry=QUICK, local=True)]
)
LOCALLY_BEFORE = Workflow(
    name="lost_jobs.locally_before",
    steps=[
        Step.pipeline("kill", Kill.name, retry=QUICK, local=True),
        Step.pipeline("behind", Behind.name, local=True),
    ],
)

"""A pipeline that never lets another thread run, and one that speaks."""

import logging
import os
import re
from pathlib import Path

from spine_temporal import Pipeline, Step, Workflow, register_pipeline

_log = logging.getLogger("deaf_jobs")


@register_pipeline("deaf_jobs.deaf")
class Deaf(Pipeline):
    """Gives its pid, and computes for years within one call, but where it is let go."""

    def run(self):
        if not (Path(self.params["folder"]) / "go").exists():
            (Path(self.params["folder"]) / "pid").write_text(str(os.getpid()))
            re.match(r"(a+)+$", "a" * 60 + "b")
        return {"row_count": 1}


@register_pipeline("deaf_jobs.speaks")
class Speaks(Pipeline):
    """Prints and logs."""

    def run(self):
        print("printed by the pipeline")
        _log.info("logged by the pipeline")
        _log.debug("nobody wants to know")
        return {"pid": os.getpid()}


DEAF = Workflow(
    name="deaf_jobs.deaf", partition_by=["test"], steps=[Step.pipeline("deaf", Deaf.name, heartbeat_timeout=2)]
)
SPEAKS = Workflow(name="deaf_jobs.speaks", steps=[Step.pipeline("speak", Speaks.name)])

"""A workflow whose pipeline fails until it may tell of itself, and ends when it may."""

import time
from pathlib import Path

from spine_temporal import ErrorCategory, Pipeline, RetryPolicy, SpineError, Step, Workflow, register_pipeline


@register_pipeline("trying.try")
class Try(Pipeline):
    """Fails, or tells of a thousand rows and waits."""

    def run(self):
        folder = Path(self.params["folder"])
        if not (folder / "tell").exists():
            raise SpineError("[bold]not yet[/]", ErrorCategory.TRANSIENT)
        while not (folder / "go").exists():
            self.heartbeat("rows", 1000)
            time.sleep(0.05)
        return {"row_count": 1000}


TRYING = Workflow(
    name="trying",
    partition_by=["test"],
    steps=[
        Step.pipeline(
            "try",
            "trying.try",
            retry=RetryPolicy(initial_interval=1, max_interval=1, max_attempts=3),
            heartbeat_timeout=2,
        )
    ],
)

"""A step that takes moments, until its params say otherwise."""

import os
import time

from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline


@register_pipeline("brief.work")
class Work(Pipeline):
    """Writes a row, and does what it is told."""

    def run(self):
        self.connection.exec_driver_sql("INSERT INTO brief_rows VALUES (%s)", (self.params["test"],))
        if self.params.get("takes") and self.attempt == 1:
            time.sleep(self.params["takes"])
        if self.params.get("exits") and self.attempt == 1:
            os._exit(3)
        return {"row_count": 1, "process": os.getpid()}


def few(ctx, config):
    return StepResult.ok() if ctx.get_output("first", "row_count") == 1 else StepResult.fail("too many")


BRIEF = Workflow(
    name="brief.job",
    partition_by=["test"],
    steps=[
        Step.pipeline("first", Work.name),
        Step.lambda_("few", few),
        Step.pipeline("last", Work.name, params={"takes": 0, "exits": False}),
    ],
)
NEVER = Workflow(name="brief.never", steps=[Step.pipeline("first", Work.name, local=False)])
ALL = (BRIEF, NEVER)

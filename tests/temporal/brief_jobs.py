"""Steps that take moments, until their params say otherwise."""

import os
import time

from spine_temporal import ErrorCategory, Pipeline, SpineError, Step, StepResult, Workflow, register_pipeline


@register_pipeline("brief.work")
class Work(Pipeline):
    """Writes a row, and at its first attempt does what it is told; ``at`` says which step is meant."""

    def run(self):
        place = self.params.get("place", "")
        values = (self.params["test"], place)
        self.connection.exec_driver_sql("INSERT INTO brief_rows VALUES (%s, %s)", values)
        if self.attempt == 1 and self.params.get("at", "") == place:
            self._do()
        return {"row_count": 1, "process": os.getpid(), "attempt": self.attempt}

    def _do(self):
        if self.params.get("takes"):
            time.sleep(self.params["takes"])
        if self.params.get("loses"):
            self.connection.exec_driver_sql("UPDATE core_partitions SET epoch = epoch + 1")
        if self.params.get("exits"):
            os._exit(3)
        if self.params.get("unsteady"):
            raise SpineError("not yet", ErrorCategory.TRANSIENT, retry_after=self.params["unsteady"])
        if self.params.get("fails"):
            raise SpineError("it fails", ErrorCategory.DATA_QUALITY)


@register_pipeline("brief.bulky")
class Bulky(Pipeline):
    """Gives an output that is just too small to be kept beside Temporal's history."""

    def run(self):
        return {"text": "x" * 250_000}


def few(ctx, config):
    if ctx.get_output("first", "row_count") > ctx.get_param("most", 1):
        return StepResult.fail("too many", output={"most": ctx.get_param("most")})
    return StepResult.ok(output={"rows": 1})


def yes(ctx):
    return True


BRIEF = Workflow(
    name="brief.job",
    partition_by=["test"],
    steps=[
        Step.pipeline("first", Work.name),
        Step.lambda_("few", few),
        Step.pipeline("last", Work.name, params={"place": "last"}),
    ],
)
NEVER = Workflow(name="brief.never", steps=[Step.pipeline("first", Work.name, local=False)])
SIDES = ("a", "b", "c", "d")
BESIDE = Workflow(
    name="brief.beside",
    partition_by=["test"],
    steps=[
        Step.parallel("all", [Step.pipeline(side, Work.name, params={"place": side}) for side in SIDES]),
        Step.pipeline("last", Work.name, params={"place": "last"}),
    ],
)
BULKY = Workflow(name="brief.bulky_job", steps=[Step.pipeline(f"bulky{number}", Bulky.name) for number in range(18)])
#: Its stretch is an activity of its own, as the run begins with a choice.
LATER = Workflow(
    name="brief.later",
    partition_by=["test"],
    steps=[
        Step.choice("way", yes, "first"),
        Step.pipeline("first", Work.name),
        Step.lambda_("few", few),
        Step.pipeline("second", Work.name, params={"place": "second"}),
        Step.lambda_("held", lambda ctx, config: StepResult.fail("somebody is to look"), on_error="HOLD"),
        Step.pipeline("last", Work.name, params={"place": "last"}),
    ],
)
#: Its stretch is made in threads of the worker.
THREADS = Workflow(
    name="brief.threads",
    partition_by=["test"],
    steps=[
        Step.choice("way", yes, "first"),
        Step.pipeline("first", Work.name, local=True),
        Step.pipeline("second", Work.name, params={"place": "second"}, local=True, timeout=1),
        Step.pipeline("last", Work.name, params={"place": "last"}, local=True),
    ],
)
ALL = (BRIEF, NEVER, BESIDE, BULKY, LATER, THREADS)

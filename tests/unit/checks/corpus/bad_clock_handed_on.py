# expect: SPN101@12
import time

from spine_temporal import Step, StepResult, Workflow


def _older(clock, then):
    return clock() - then > 60


def check(ctx, config):
    if _older(time.time, ctx.params["then"]):
        return StepResult.fail("old")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: SPN101@8
import time

from spine_temporal import Step, StepResult, Workflow


def _key(each):
    return (each, time.time())


def check(ctx, config):
    if sorted(ctx.params["days"], key=_key)[0] != "x":
        return StepResult.fail("late")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

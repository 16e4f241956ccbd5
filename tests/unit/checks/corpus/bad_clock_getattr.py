# expect: SPN101@8
import time

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if getattr(time, "mono" + "tonic")() > 60:
        return StepResult.fail("late")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: SPN101@8
from datetime import datetime

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if datetime.now().hour < 6:
        return StepResult.fail("too early")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

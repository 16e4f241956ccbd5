# expect: SPN101@11
from datetime import datetime

from spine_temporal import Step, StepResult, Workflow


CLOCKS = {"now": datetime.now, "utc": datetime.utcnow}


def check(ctx, config):
    if CLOCKS[config.get("clock", "now")]().hour < 6:
        return StepResult.fail("too early")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

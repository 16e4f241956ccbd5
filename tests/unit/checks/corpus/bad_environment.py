# expect: SPN103@8
import os

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if os.environ.get("MIN_ROWS") is None or os.getenv("TIER"):
        return StepResult.fail("no limit")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

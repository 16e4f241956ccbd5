# expect: SPN101@12
from datetime import UTC, datetime
from functools import partial

from spine_temporal import Step, StepResult, Workflow


NOW = partial(datetime.now, UTC)


def check(ctx, config):
    if NOW().hour < 6:
        return StepResult.fail("early")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

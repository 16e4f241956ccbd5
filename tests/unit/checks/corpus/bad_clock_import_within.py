# expect: SPN101@6
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    from time import time_ns as stamp

    if stamp() > 60:
        return StepResult.fail("late")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: SPN201@6
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) < 10:
        return StepResult.fail("too few")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

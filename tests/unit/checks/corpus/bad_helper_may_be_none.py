# expect: SPN201@11
from spine_temporal import Step, StepResult, Workflow


def _few(ctx):
    if ctx.get_output("ingest", "row_count", 0) < 10:
        return StepResult.fail("too few")


def check(ctx, config):
    return _few(ctx)


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def _empty(ctx):
    if ctx.get_output("ingest", "row_count", 0) == 0:
        return StepResult.fail("nothing came")
    return None


def check(ctx, config):
    return _empty(ctx) or StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

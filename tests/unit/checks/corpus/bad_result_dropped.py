# expect: SPN203@11 SPN203@13 SPN203@14
from spine_temporal import Step, StepResult, Workflow


def _log(ctx):
    return StepResult.fail("too few")


def check(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) < 10:
        StepResult.fail("too few")
    if ctx.get_output("ingest", "row_count", 0) < 5:
        verdict = StepResult.fail("far too few")
    _log(ctx)
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

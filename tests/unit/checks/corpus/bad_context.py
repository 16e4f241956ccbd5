# expect: SPN405@6 SPN405@6
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.output("ingest")["row_count"] < 10 or ctx.connection:
        return StepResult.fail("too few")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

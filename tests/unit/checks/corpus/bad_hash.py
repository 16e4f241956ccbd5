# expect: SPN102@6
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if hash(ctx.params["symbol"]) % 10 == 0:
        return StepResult.fail("drawn")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

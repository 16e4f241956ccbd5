# expect: SPN502@9
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    return StepResult.ok() if ctx.params.get("rows") else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.lambda_("check", check)])

# expect: SPN403@6
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("full", "null_rate", 0) > 0.1:
        return StepResult.fail("nulls")
    return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.choice("route", lambda ctx: ctx.params.get("full"), "full", "part", join="aggregate"),
        Step.pipeline("full", "shop.normalize"),
        Step.pipeline("part", "shop.normalize"),
        Step.lambda_("check", check),
        Step.pipeline("aggregate", "shop.aggregate"),
    ],
)

# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def full_is_whole(ctx, config):
    if ctx.get_output("full", "null_rate", 0) > 0.1:
        return StepResult.fail("too many nulls in the full refresh", "DATA_QUALITY")
    return StepResult.ok()


def is_full(ctx):
    return bool(ctx.get_param("full"))


ROUTED = Workflow(
    name="shop.routed",
    steps=[
        Step.choice("route", is_full, then_step="full", else_step="part", join="aggregate"),
        Step.pipeline("full", "shop.normalize"),
        Step.lambda_("full_is_whole", full_is_whole),
        Step.pipeline("part", "shop.normalize"),
        Step.pipeline("aggregate", "shop.aggregate"),
    ],
)

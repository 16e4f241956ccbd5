# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) == 0:
        return StepResult.fail("nothing came", "DATA_QUALITY")
    return StepResult.ok()


ROUTED = Workflow(
    name="shop.routed",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.choice(
            "route",
            condition=lambda ctx: ctx.params.get("full_refresh", False),
            then_step="full",
            else_step="incremental",
        ),
        Step.pipeline("full", "shop.normalize"),
        Step.pipeline("incremental", "shop.normalize"),
        Step.pipeline("aggregate", "shop.aggregate"),
    ],
)

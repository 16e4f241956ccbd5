# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def skip_empty(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) == 0:
        return StepResult.ok(output={"empty": True}, next_step="publish")
    return StepResult.ok(output={"empty": False})


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("skip_empty", skip_empty),
        Step.pipeline("aggregate", "shop.aggregate"),
        Step.pipeline("publish", "shop.publish", params=lambda ctx: {"empty": ctx.get_output("skip_empty", "empty")}),
    ],
)

# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def all_came(ctx, config):
    sides = ctx.get_output("sides")
    if any(sides[name]["row_count"] == 0 for name in ("left", "right")):
        return StepResult.fail("one side is empty")
    if ctx.get_output("left", "row_count") != ctx.get_output("right", "row_count"):
        return StepResult.fail("the sides differ")
    return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.parallel("sides", [Step.pipeline("left", "shop.ingest"), Step.pipeline("right", "shop.ingest")]),
        Step.lambda_("all_came", all_came),
    ],
)

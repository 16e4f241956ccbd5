# expect: SPN404@7 SPN404@9 SPN404@11 SPN404@13
from spine_temporal import Step, StepResult, Workflow


def all_came(ctx, config):
    sides = ctx.get_output("sides")
    if sides["left"]["rows"] == 0:
        return StepResult.fail("the left one is empty")
    if ctx.get_output("sides", "right").get("rows") == 0:
        return StepResult.fail("the right one is empty")
    if any(side["nulls"] for side in sides.values()):
        return StepResult.fail("there are nulls")
    if sides["middle"]:
        return StepResult.fail("there is a third one")
    return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.parallel("sides", [Step.pipeline("left", "shop.ingest"), Step.pipeline("right", "shop.ingest")]),
        Step.lambda_("all_came", all_came),
    ],
)

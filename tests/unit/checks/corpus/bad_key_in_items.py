# expect: SPN404@11 SPN404@13 SPN404@25
from spine_temporal import Step, StepResult, Workflow


NORMALIZED = Workflow(name="shop.normalized", steps=[Step.pipeline("normalize", "shop.normalize")])
ONE_DAY = Workflow(name="shop.one_day", steps=[*NORMALIZED.steps, Step.pipeline("publish", "shop.publish")])


def check(ctx, config):
    for one in ctx.get_output("normalized", "results"):
        if one["nulls"] > 0.1:
            return StepResult.fail("too many nulls")
    if ctx.get_output("days")["results"][0]["normalize"]["nulls"]:
        return StepResult.fail("too many nulls")
    return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.map("normalized", "days", NORMALIZED),
        Step.map("days", "days", ONE_DAY),
        Step.lambda_("check", check),
        Step.parallel("sides", [Step.pipeline("left", "shop.list_days"), Step.pipeline("right", "shop.list_days")]),
        Step.map("left_days", "sides.left.weeks", ONE_DAY),
    ],
)

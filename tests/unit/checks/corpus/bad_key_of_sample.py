# expect: SPN404@6 SPN404@17
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("fetch", "pages") != ctx.get_output("fetch", "page"):
        return StepResult.fail("pages")
    return StepResult.ok()


ONE = Workflow(name="shop.one", steps=[Step.pipeline("normalize", "shop.normalize")])
DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("fetch", "shop.dynamic", sample_output={"pages": 3}),
        Step.lambda_("check", check),
        Step.map("each", "fetch.days", ONE),
    ],
)

# expect: SPN202@15 SPN202@16 SPN202@17
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


ONE = Workflow(name="shop.one", steps=[Step.pipeline("normalize", "shop.normalize")])
DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.choice("route", lambda ctx, config: True, then_step="aggregate"),
        Step.pipeline("aggregate", "shop.aggregate", params=lambda: {"day": 1}),
        Step.map("each", lambda ctx, key: [], ONE),
    ],
)

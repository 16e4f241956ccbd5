# expect: SPN205@6
from spine_temporal import Step, StepResult, Workflow


def is_full(ctx):
    return StepResult.ok()


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.choice("route", is_full, then_step="aggregate"),
        Step.pipeline("aggregate", "shop.aggregate"),
    ],
)

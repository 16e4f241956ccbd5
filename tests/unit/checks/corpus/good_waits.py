# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("ingest", "error_count", 0):
        return StepResult.fail("errors")
    return StepResult.ok()


def yesterday(ctx):
    return {"day": ctx.params["yesterday"]}


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.wait_for("before", "shop.prices", yesterday),
        Step.pipeline("ingest", "shop.ingest"),
        Step.wait("settle", 60),
        Step.lambda_("check", check, on_error="HOLD", deadline=3600),
    ],
)

# expect: SPN101@8 SPN101@21
from datetime import datetime

from spine_temporal import Step, StepResult, Workflow


def is_morning(ctx):
    return datetime.now().hour < 12


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("check", check),
        Step.choice("route", is_morning, then_step="normalize"),
        Step.pipeline("normalize", "shop.normalize", params=lambda ctx: {"at": str(datetime.now())}),
    ],
)

# expect: SPN108@6 SPN108@7 SPN108@8
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    ctx.params["day"] = "2026-01-05"
    config["least"] = 3
    ctx.outputs["ingest"] = {}
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def enough(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) < config["least"]:
        return StepResult.fail("too few")
    return StepResult.ok()


def daily(tier, least):
    return Workflow(
        name=f"shop.daily_{tier}",
        steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("enough", enough, {"least": least})],
    )


OTC = daily("otc", 10)
NMS = daily("nms", 1000)
ALL = [OTC, NMS]

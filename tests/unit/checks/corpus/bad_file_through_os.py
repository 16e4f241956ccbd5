# expect: SPN105@8 SPN105@10
import os

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if not os.path.exists(ctx.params["file"]):
        return StepResult.fail("no file")
    if not os.listdir("."):
        return StepResult.fail("no files")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

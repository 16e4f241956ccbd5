# expect: SPN103@8
import sys

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if "--strict" in sys.argv or sys.platform == "win32":
        return StepResult.fail("strict")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

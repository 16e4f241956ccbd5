# expect: SPN301@8
import json

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if not json.loads(ctx.params["text"])["rows"]:
        return StepResult.fail("short")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

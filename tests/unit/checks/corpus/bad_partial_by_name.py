# expect: SPN404@8
from functools import partial

from spine_temporal import Step, StepResult, Workflow


def at_most(ctx, config, *, step, key):
    if ctx.get_output(step, key, 0) > config["most"]:
        return StepResult.fail("too high")
    return StepResult.ok()


check = partial(at_most, step="ingest", key="errors")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: nothing
import random

from spine_temporal import Step, StepResult, Workflow


def sample(ctx, config):
    dice = random.Random(7)
    if dice.random() > ctx.get_output("ingest", "row_count", 0):
        return StepResult.fail("below the sample")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("sample", sample)])

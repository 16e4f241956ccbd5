# expect: SPN108@11
import itertools

from spine_temporal import Step, StepResult, Workflow


NUMBERS = itertools.count()


def check(ctx, config):
    if next(NUMBERS) > 100:
        return StepResult.fail("too often")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

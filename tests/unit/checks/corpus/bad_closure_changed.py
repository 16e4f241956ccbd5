# expect: SPN108@10
from spine_temporal import Step, StepResult, Workflow


def counting():
    count = 0

    def check(ctx, config):
        nonlocal count
        count += 1
        return StepResult.fail("none") if count > 3 else StepResult.ok()

    return check


check = counting()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

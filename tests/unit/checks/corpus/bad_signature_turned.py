# expect: SPN202@5
from spine_temporal import Step, StepResult, Workflow


def check(config, ctx):
    return StepResult.ok() if config else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

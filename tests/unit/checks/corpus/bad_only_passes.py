# expect: SPN207@5
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    return StepResult.ok(output={"validated": True})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

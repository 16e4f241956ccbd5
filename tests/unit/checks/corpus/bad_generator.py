# expect: SPN206@5
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    yield StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

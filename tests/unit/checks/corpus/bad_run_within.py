# expect: SPN106@8
from spine.orchestration import WorkflowRunner

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    result = WorkflowRunner().execute(DAILY, {})
    return StepResult.ok() if result.error is None else StepResult.fail(result.error)


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: SPN102@10
import uuid

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) == 0:
        return StepResult.fail("none")
    return StepResult.ok(output={"batch": str(uuid.uuid4())})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

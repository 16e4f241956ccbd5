# expect: nothing
from spine_temporal import Step, StepResult, Workflow


class Limits:
    def __init__(self, most):
        self.most = most

    def errors(self, ctx, config):
        if ctx.get_output("ingest", "error_count", 0) > self.most:
            return StepResult.fail("too many errors")
        return StepResult.ok()


LIMITS = Limits(10)
DAILY = Workflow(
    name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("errors", LIMITS.errors)]
)

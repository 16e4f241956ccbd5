# expect: nothing
from spine_temporal import Step, StepResult, Workflow


class AtLeast:
    def __init__(self, step, key, least):
        self.step, self.key, self.least = step, key, least

    def __call__(self, ctx, config):
        if ctx.get_output(self.step, self.key, 0) < self.least:
            return StepResult.fail(f"{self.key} of {self.step} is below {self.least}")
        return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("enough", AtLeast("ingest", "row_count", 10))],
)

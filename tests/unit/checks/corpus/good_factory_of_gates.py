# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def at_least(step, key, least):
    def gate(ctx, config):
        if ctx.get_output(step, key, 0) < least:
            return StepResult.fail(f"{step}.{key} < {least}")
        return StepResult.ok()

    return gate


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("rows", at_least("ingest", "row_count", 10)),
        Step.pipeline("aggregate", "shop.aggregate"),
        Step.lambda_("total", at_least("aggregate", "total", 1)),
    ],
)

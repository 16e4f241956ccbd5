# expect: nothing
from functools import partial

from spine_temporal import Step, StepResult, Workflow


def at_most(ctx, config, *, step, key):
    if ctx.get_output(step, key, 0) > config["most"]:
        return StepResult.fail(f"{key} is too high")
    return StepResult.ok(config)


few_errors = partial(at_most, step="ingest", key="error_count")
DAILY = Workflow(
    name="shop.daily",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("few", few_errors, {"most": 3})],
)

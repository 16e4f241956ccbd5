# expect: nothing
from functools import partial

from spine_temporal import Step, StepResult, Workflow


def at_most(step, key, most, ctx, config):
    value = ctx.get_output(step, key, 0)
    if value > most:
        return StepResult.fail(f"{key} {value} > {most}", "DATA_QUALITY")
    return StepResult.ok(output={key: value})


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("normalize", "shop.normalize"),
        Step.lambda_("few_nulls", partial(at_most, "normalize", "null_rate", 0.05)),
    ],
)

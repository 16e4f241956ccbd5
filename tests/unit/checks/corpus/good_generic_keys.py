# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    for key, least in config["least"].items():
        if ctx.get_output(config["step"], key, 0) < least:
            return StepResult.fail(f"{key} is below {least}")
    output = ctx.get_output("dynamic")
    if output and output.get("whatever") and output["else"]:
        return StepResult.ok(output=dict(output))
    return StepResult.ok(output={**config})


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("dynamic", "shop.dynamic"),
        Step.lambda_("check", check, {"step": "dynamic", "least": {"rows": 1}}),
    ],
)

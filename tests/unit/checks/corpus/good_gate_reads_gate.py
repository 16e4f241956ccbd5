# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def validate(ctx, config):
    rows = ctx.get_output("ingest", "row_count", 0)
    if rows < config["min_rows"]:
        return StepResult.fail(f"{rows} < {config['min_rows']}")
    return StepResult.ok(output={"row_count": rows, "margin": rows - config["min_rows"]})


def compare(ctx, config):
    if ctx.get_output("normalize", "row_count", 0) > ctx.get_output("validate", "row_count"):
        return StepResult.fail("normalize made rows up", "DATA_QUALITY")
    return StepResult.ok()


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("validate", validate, {"min_rows": 10}),
        Step.pipeline("normalize", "shop.normalize"),
        Step.lambda_("compare", compare),
    ],
)

# expect: SPN404@6 SPN404@8 SPN401@10 SPN404@19
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("day", "normalise"):
        return StepResult.fail("no such step")
    if ctx.get_output("day")["normalize"]["nulls"]:
        return StepResult.fail("too many nulls")
    if ctx.get_output("normalize", "null_rate"):
        return StepResult.fail("no step of this workflow")
    return StepResult.ok()


ONE_DAY = Workflow(
    name="shop.one_day",
    steps=[
        Step.pipeline("ingest", "shop.ingest"),
        Step.lambda_("has_rows", lambda ctx, config: StepResult.ok() if ctx.get_output("ingest", "rows") else StepResult.fail("none")),
        Step.pipeline("normalize", "shop.normalize"),
    ],
)
DAILY = Workflow(name="shop.daily", steps=[Step.workflow("day", ONE_DAY), Step.lambda_("check", check)])

# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    for name in {"row_count", "error_count"}:  # spine: ignore[SPN109] each is looked at, in whatever order
        if not ctx.has_output("ingest", name):
            return StepResult.fail("a count is missing")
    # spine: ignore[SPN109] the same
    for name in {"row_count"}:
        if name == ctx.params.get("name"):
            return StepResult.fail("no such name")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

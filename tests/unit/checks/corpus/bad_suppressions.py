# expect: SPN003@6 SPN004@9 SPN005@10
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    for name in {"row_count"}:  # spine: ignore[SPN109]
        if not ctx.has_output("ingest", name):
            return StepResult.fail("none")
    rows = 1  # spine: ignore[SPN101] it was the clock once
    if rows == 2:  # spine: ignore[SPN999] what is this
        return StepResult.fail("two")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

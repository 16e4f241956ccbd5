# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    left = ctx.get_output("ingest", "row_count", 0)
    batches = 0
    while True:
        if left <= 0:
            break
        left -= config.get("batch", 100)
        batches += 1
    seen = []
    for name in ("row_count", "error_count"):
        seen.append(name)
    if batches > 10 or len(seen) > 2:
        return StepResult.fail(f"{batches} batches")
    return StepResult.ok(output={"batches": batches})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

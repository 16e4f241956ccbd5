# expect: SPN201@8 SPN201@10 SPN201@12 SPN201@14 SPN201@15
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    rows = ctx.get_output("ingest", "row_count", 0)
    if rows == 0:
        return False
    if rows < 10:
        return {"ok": False}
    if rows < 100:
        return
    if rows < 200:
        return StepResult.ok
    return StepResult.ok() if rows < 1000 else None


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

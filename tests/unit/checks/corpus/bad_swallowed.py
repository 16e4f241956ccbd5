# expect: SPN204@9 SPN204@13
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    try:
        if ctx.get_output("ingest", "row_count") < 10:
            return StepResult.fail("too few")
    except Exception:
        return StepResult.ok()
    try:
        ctx.params["x"]
    except:
        pass
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

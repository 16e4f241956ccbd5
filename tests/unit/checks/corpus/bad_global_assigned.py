# expect: SPN108@10
from spine_temporal import Step, StepResult, Workflow


RUNS = 0


def check(ctx, config):
    global RUNS
    RUNS += 1
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

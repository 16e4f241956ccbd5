# expect: SPN201@15
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    try:
        rows = ctx.get_output("ingest", "row_count") / 2
    except ZeroDivisionError:
        return StepResult.fail("none")
    match rows:
        case 0:
            return StepResult.fail("none")
        case 1:
            return StepResult.ok()
    for _ in range(int(rows)):
        return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

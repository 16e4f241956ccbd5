# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    match ctx.get_output("ingest", "row_count", 0):
        case 0:
            return StepResult.fail("nothing came")
        case rows if rows > 1000:
            return StepResult.ok(output={"large": True})
        case _:
            return StepResult.ok(output={"large": False})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

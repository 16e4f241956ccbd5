# expect: SPN108@10 SPN108@11 SPN108@12 SPN108@13 SPN108@14
from spine_temporal import Step, StepResult, Workflow


SEEN = []
LAST = {}


def check(ctx, config):
    SEEN.append(ctx.params["day"])
    LAST["day"] = ctx.params["day"]
    LAST.update(day=1)
    globals()["DAY"] = 1
    del LAST["day"]
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

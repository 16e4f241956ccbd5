# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    counted = 0

    def count(key):
        nonlocal counted
        counted += ctx.get_output("ingest", key, 0)
        return counted

    if count("row_count") + count("error_count") == 0:
        return StepResult.fail("nothing came")
    return StepResult.ok(output={"counted": counted})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

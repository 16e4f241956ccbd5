# expect: SPN301@8
import csv

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if len(list(csv.reader(ctx.params["lines"]))) < 10:
        return StepResult.fail("short")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

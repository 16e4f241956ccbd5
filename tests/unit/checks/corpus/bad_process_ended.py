# expect: SPN207@8 SPN111@10 SPN111@12
import os
import sys

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if not ctx.get_output("ingest", "row_count"):
        sys.exit("no rows")
    if ctx.get_output("ingest", "error_count") > 10:
        os._exit(1)
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: SPN101@8
import time

from spine_temporal import Step, StepResult, Workflow


def _stamp():
    return time.time()


def _age(then):
    return _stamp() - then


def check(ctx, config):
    if _age(ctx.params["then"]) > 60:
        return StepResult.fail("old")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

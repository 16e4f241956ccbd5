# expect: SPN101@8 SPN101@10
import importlib

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if __import__("time").time() > 60:
        return StepResult.fail("late")
    if importlib.import_module("datetime").date.today().day == 1:
        return StepResult.fail("first")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: SPN401@6
from spine_temporal import Step, StepResult, Workflow


def _rows(ctx, step):
    return ctx.outputs[step]["row_count"]


def check(ctx, config):
    if _rows(ctx, "normalise") < 10:
        return StepResult.fail("too few")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

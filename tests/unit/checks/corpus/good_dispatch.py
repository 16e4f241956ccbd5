# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def _rows(ctx):
    return ctx.get_output("ingest", "row_count", 0) > 0


def _errors(ctx):
    return ctx.get_output("ingest", "error_count", 0) < 10


CHECKS = {"rows": _rows, "errors": _errors}


def check(ctx, config):
    for name, passes in CHECKS.items():
        if not passes(ctx):
            return StepResult.fail(f"{name} does not pass")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    try:
        rows = int(ctx.params["expected"])
    except (KeyError, ValueError) as error:
        return StepResult.fail(f"expected is no number: {error}", "CONFIGURATION")
    try:
        share = ctx.get_output("ingest", "row_count") / rows
    except ZeroDivisionError:
        share = 0
    finally:
        rows = 0
    if share < 0.9:
        raise ValueError(f"share {share}")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

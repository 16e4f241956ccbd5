# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if (rows := ctx.get_output("ingest", "row_count", 0)) < (least := config.get("least", 1)):
        return StepResult.fail(f"{rows} < {least}")
    total, *others = [rows, ctx.get_output("ingest", "error_count", 0)]
    counts = {name: value for name, value in zip(("rows", "errors"), (total, others[0]))}
    return StepResult.ok(output=counts)


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

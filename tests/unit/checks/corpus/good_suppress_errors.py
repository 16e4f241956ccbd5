# expect: nothing
import contextlib

from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    share = 0.0
    with contextlib.suppress(ZeroDivisionError):
        share = ctx.get_output("ingest", "error_count", 0) / ctx.get_output("ingest", "row_count", 0)
    if share > 0.1:
        return StepResult.fail(f"{share:.0%} are broken")
    return StepResult.ok(output={"share": share})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

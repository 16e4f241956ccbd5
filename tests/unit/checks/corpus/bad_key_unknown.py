# expect: SPN404@6 SPN404@8 SPN404@8
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("ingest", "rows", 0) < 10:
        return StepResult.fail("too few")
    if ctx.get_output("ingest")["errors"] or ctx.get_output("ingest").get("error_cnt"):
        return StepResult.fail("errors")
    return StepResult.ok() if ctx.get_output("ingest", "row_count", 0) else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

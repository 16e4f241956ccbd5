# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    metrics = ctx.get_output("ingest", "pipeline_result")
    flat = ctx.outputs["ingest"]
    if metrics["row_count"] != flat.get("row_count") or "error_count" not in flat:
        return StepResult.fail("the two differ")
    older = ctx.get_output("ingest", "pipeline_result")
    if older["status"] != "completed" or older["metrics"]["row_count"] != ctx.outputs["ingest"]["row_count"]:
        return StepResult.fail("the two differ")
    return StepResult.ok()


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])

# expect: nothing
from spine_temporal import Step, StepResult, Workflow


def enough(ctx, config):
    if ctx.get_output("ingest", "row_count", 0) < 10:
        return StepResult.fail("too few")
    return StepResult.ok(output={"row_count": ctx.get_output("ingest", "row_count")})


PART = Workflow(
    name="shop.part", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("enough", enough)]
)


def part_is_there(ctx, config):
    if ctx.get_output("part")["ingest"]["row_count"] == 0:
        return StepResult.fail("the part is empty")
    return StepResult.ok()


WHOLE = Workflow(
    name="shop.whole",
    steps=[Step.workflow("part", PART), Step.lambda_("part_is_there", part_is_there)],
)

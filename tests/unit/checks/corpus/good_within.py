# expect: nothing
from spine_temporal import Step, StepResult, Workflow


NORMALIZED = Workflow(name="shop.normalized", steps=[Step.pipeline("normalize", "shop.normalize")])
ONE_DAY = Workflow(name="shop.one_day", steps=[*NORMALIZED.steps, Step.pipeline("dynamic", "shop.dynamic")])


def check(ctx, config):
    if any(one["null_rate"] > 0.1 for one in ctx.get_output("normalized", "results")):
        return StepResult.fail("too many nulls")
    if ctx.get_output("normalized", "row_count") == 0:
        return StepResult.fail("no rows")
    for one in ctx.get_output("days")["results"]:
        if one["normalize"]["null_rate"] or one["dynamic"]["anything"]:
            return StepResult.fail("a bad day")
    day = ctx.get_output("day")
    if day["dynamic"].get("rows") or day["normalize"]["row_count"] == 0:
        return StepResult.fail("another bad day")
    for side in ctx.get_output("sides").values():
        if side["row_count"] == 0:
            return StepResult.fail("one side is empty")
    return StepResult.ok(output={"left": ctx.get_output("sides", "left")["row_count"]})


DAILY = Workflow(
    name="shop.daily",
    steps=[
        Step.map("normalized", "days", NORMALIZED),
        Step.map("days", "days", ONE_DAY),
        Step.workflow("day", ONE_DAY),
        Step.parallel("sides", [Step.pipeline("left", "shop.normalize"), Step.pipeline("right", "shop.list_days")]),
        Step.lambda_("check", check),
        Step.parallel("lists", [Step.pipeline("one", "shop.list_days"), Step.pipeline("two", "shop.list_days")]),
        Step.map("listed", "lists.one.days", ONE_DAY),
    ],
)

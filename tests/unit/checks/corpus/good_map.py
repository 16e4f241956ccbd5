# expect: nothing
from spine_temporal import Step, StepResult, Workflow

ONE_DAY = Workflow(name="shop.one_day", steps=[Step.pipeline("normalize", "shop.normalize")])


def listed(ctx, config):
    if not ctx.get_output("list_days", "days"):
        return StepResult.fail("no days")
    return StepResult.ok()


def most_came(ctx, config):
    done = ctx.get_output("days")
    if done["failed"] > done["total"] * 0.1:
        return StepResult.fail(f"{done['failed']} of {done['total']} days failed")
    return StepResult.ok()


ALL_DAYS = Workflow(
    name="shop.all_days",
    steps=[
        Step.pipeline("list_days", "shop.list_days", sample_output={"days": ["2026-01-05"]}),
        Step.lambda_("listed", listed),
        Step.map("days", "list_days.days", ONE_DAY, item_param="day", tolerated_failures=0.2),
        Step.lambda_("most_came", most_came),
    ],
)

# expect: nothing
from datetime import date, timedelta

from spine_temporal import Step, StepResult, Workflow

ONE_DAY = Workflow(name="shop.one_day", steps=[Step.pipeline("normalize", "shop.normalize")])


def days(ctx):
    first, last = date.fromisoformat(ctx.params["first"]), date.fromisoformat(ctx.params["last"])
    return [(first + timedelta(days=day)).isoformat() for day in range((last - first).days + 1)]


def all_came(ctx, config):
    if ctx.get_output("days", "failed", 0):
        return StepResult.fail("some days failed")
    return StepResult.ok()


ALL_DAYS = Workflow(
    name="shop.all_days",
    steps=[Step.map("days", days, ONE_DAY, item_param="day"), Step.lambda_("all_came", all_came)],
)

# expect: nothing
from datetime import date, datetime, timedelta

from spine_temporal import Step, StepResult, Workflow


def fresh(ctx, config):
    day = date.fromisoformat(ctx.params["day"])
    age = ctx.started_at.date() - day
    if age > timedelta(days=config.get("max_days", 7)):
        return StepResult.fail(f"{day} is {age.days} days old", "DATA_QUALITY")
    if datetime.strptime(ctx.params["at"], "%H:%M").hour < 6:
        return StepResult.fail("too early")
    return StepResult.ok(output={"weekday": day.isoweekday()})


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("fresh", fresh)])

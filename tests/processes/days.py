"""Workflows that take days."""

from datetime import timedelta

from spine_temporal import Pipeline, Schedule, Step, StepResult, Weekdays, Workflow, register_pipeline

DAY = 24 * 3600


@register_pipeline("days.work")
class Work(Pipeline):
    """Does next to nothing."""

    def run(self):
        return {"row_count": 1}


def too_few(ctx, config):
    return StepResult.fail("1 row is too few", "QUALITY_GATE")


def _steps(**hold):
    return [
        Step.pipeline("ingest", "days.work"),
        Step.lambda_("check", too_few, on_error="HOLD", **hold),
        Step.pipeline("after", "days.work"),
    ]


HELD = Workflow(name="days.held", partition_by=["test"], steps=_steps())
DEADLINE = Workflow(name="days.deadline", partition_by=["test"], steps=_steps(deadline=14 * DAY, at_deadline="waive"))
WAITS = Workflow(
    name="days.waits",
    steps=[
        Step.pipeline("ingest", "days.work"),
        Step.wait("settle", 30 * DAY),
        Step.pipeline("after", "days.work"),
    ],
)


def day_of(scheduled, calendar):
    return {"day": scheduled.date().isoformat()}


DAILY = Workflow(name="days.daily", partition_by=("day",), steps=[Step.pipeline("ingest", "days.work")])

WORKDAYS = Schedule(
    name="days.workdays",
    workflow=DAILY,
    calendar=Weekdays("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    at="06:05",
    time_zone="America/New_York",
    params=day_of,
    catch_up=timedelta(days=2),
)

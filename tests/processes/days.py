"""Workflows that take days."""

from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline

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

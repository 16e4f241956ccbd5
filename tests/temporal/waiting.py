"""Workflows that wait."""

from spine_temporal import Pipeline, Step, Workflow, register_pipeline


@register_pipeline("waiting.work")
class Work(Pipeline):
    """Does nothing."""

    def run(self):
        return {"row_count": 1}


WAITS = Workflow(
    name="waiting.waits",
    steps=[
        Step.pipeline("first", "waiting.work"),
        Step.wait("settle", 5),
        Step.wait("past", until="2025-11-28T13:00:00+00:00"),
        Step.pipeline("second", "waiting.work"),
    ],
)

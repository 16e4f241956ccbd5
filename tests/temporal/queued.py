"""Workflows and steps with task queues and limits of their own."""

from pathlib import Path

from spine_temporal import (
    ErrorCategory,
    Limit,
    Pipeline,
    RetryPolicy,
    SourceBusyError,
    SpineError,
    Step,
    Workflow,
    register_pipeline,
)
from tests.temporal import resumable

QUEUE = "queued-elsewhere"
CHILDREN = "queued-children"
CHILD = Workflow(
    name="queued.child",
    task_queue=CHILDREN,
    partition_by=["week"],
    steps=[Step.pipeline("ingest", "resumable.ingest")],
)
ELSEWHERE = Workflow(
    name="queued.elsewhere",
    params_model=resumable.Week,
    partition_by=["week"],
    steps=[
        Step.pipeline("here", "resumable.ingest"),
        Step.pipeline("there", "resumable.ingest", task_queue=QUEUE),
        Step.workflow("child", CHILD),
    ],
)


@register_pipeline("queued.ask")
class Ask(Pipeline):
    """Asks a source, which wants to be left alone where a file says so."""

    def run(self):
        folder = Path(self.params["folder"])
        with (folder / "asked").open("a") as log:
            log.write(f"{self.params['week']} ")
        busy = folder / "busy"
        if busy.exists():
            raise SourceBusyError("the source answered 429", float(busy.read_text()))
        return {"row_count": 1}


ONE_AT_ONCE = Limit("queued.one", concurrency=1)
SOURCE = Limit("queued.source")
LIMITED = Workflow(
    name="queued.limited",
    params_model=resumable.Week,
    partition_by=["week"],
    steps=[Step.pipeline("wait", "resumable.wait", limit=ONE_AT_ONCE, heartbeat_timeout=2)],
)
ASKING = Workflow(
    name="queued.asking",
    params_model=resumable.Week,
    partition_by=["week"],
    steps=[Step.pipeline("ask", "queued.ask", limit=SOURCE, retry=RetryPolicy(max_attempts=2, initial_interval=0.1))],
)


@register_pipeline("queued.fails")
class Fails(Pipeline):
    """Fails of what passes by itself, in an hour."""

    def run(self):
        raise SpineError("no route to the source", ErrorCategory.TRANSIENT)


FAILING = Workflow(
    name="queued.failing",
    params_model=resumable.Week,
    partition_by=["week"],
    steps=[Step.pipeline("fetch", "queued.fails", retry=RetryPolicy(initial_interval=3600, max_interval=3600))],
)
FOLLOWING = Workflow(
    name="queued.following",
    params_model=resumable.Week,
    partition_by=["week"],
    steps=[Step.wait_for("sourced", "resumable.sourced", [{"week": "of another"}], poll_interval=1)],
)
ALL = (ELSEWHERE, LIMITED, ASKING, FAILING, FOLLOWING)

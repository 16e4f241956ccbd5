"""Workflows that fail until something is mended: a gate's threshold, a source, a person's patience."""

import asyncio
import time
from pathlib import Path

from pydantic import BaseModel

from spine_temporal import ErrorCategory, Pipeline, SpineError, Step, StepResult, Workflow, register_pipeline


class Week(BaseModel):
    """A week, and a folder in which pipelines tell that they ran."""

    week: str
    folder: str
    rows: int = 700


def _ran(params, step):
    with (Path(params["folder"]) / "ran").open("a") as log:
        log.write(f"{step} ")


@register_pipeline("resumable.ingest")
class Ingest(Pipeline):
    """Tells that it ran, and gives its rows."""

    def run(self):
        _ran(self.params, "ingest")
        return {"row_count": self.params["rows"]}


@register_pipeline("resumable.normalize")
class Normalize(Pipeline):
    """Needs a file that somebody has to put there."""

    def run(self):
        _ran(self.params, "normalize")
        self.record_anomaly("SEEN", "normalize looked", severity="INFO")
        if not (Path(self.params["folder"]) / "source").exists():
            raise SpineError("no source", ErrorCategory.DATA_QUALITY, code="NO_SOURCE")
        return {"row_count": self.params["rows"] - 1}


@register_pipeline("resumable.wait")
class Wait(Pipeline):
    """Waits until it is let go."""

    def run(self):
        _ran(self.params, "wait")
        while not (Path(self.params["folder"]) / "go").exists():
            time.sleep(0.05)
            self.heartbeat()
        return {"waited": True}


@register_pipeline("resumable.item")
class Item(Pipeline):
    """Tells that it ran; one item needs a file that somebody has to put there."""

    def run(self):
        _ran(self.params, self.params["item"])
        if self.params["item"] == 2 and not (Path(self.params["folder"]) / "source").exists():
            raise SpineError("no source", ErrorCategory.DATA_QUALITY, code="NO_SOURCE")
        return {"row_count": 1, "item": self.params["item"]}


def least(ctx, config):
    rows = ctx.get_output("ingest", "row_count")
    if rows < config["least"]:
        return StepResult.fail(f"Too few: {rows}")
    return StepResult.ok(output={"least": config["least"]})


def last(ctx, config):
    return StepResult.ok(output={"saw": sorted(ctx.outputs)})


def _workflow(name, *middle, **gate):
    return Workflow(
        name=name,
        domain="resumable",
        params_model=Week,
        partition_by=["week"],
        steps=[Step.pipeline("ingest", "resumable.ingest"), *middle, Step.lambda_("last", last, **gate)],
    )


GATED = _workflow(
    "resumable.gated",
    Step.lambda_("check", least, {"least": 1000}),
    Step.pipeline("normalize", "resumable.normalize"),
)
SOURCED = _workflow(
    "resumable.sourced",
    Step.lambda_("check", least, {"least": 1}),
    Step.pipeline("normalize", "resumable.normalize", stage="NORMALIZED"),
)
PARTIAL = _workflow(
    "resumable.partial",
    Step.pipeline("normalize", "resumable.normalize", on_error="CONTINUE"),
    Step.pipeline("again", "resumable.ingest"),
)
WAITING = _workflow("resumable.waiting", Step.pipeline("wait", "resumable.wait", heartbeat_timeout=2))
ROUTED = Workflow(
    name="resumable.routed",
    params_model=Week,
    partition_by=["week"],
    steps=[
        Step.pipeline("ingest", "resumable.ingest"),
        Step.choice("route", lambda ctx: ctx.get_output("ingest", "row_count") > 1, "big", "small"),
        Step.pipeline("big", "resumable.normalize"),
        Step.pipeline("small", "resumable.ingest"),
        Step.lambda_("last", last),
    ],
)
MAPPED = Workflow(
    name="resumable.mapped",
    params_model=Week,
    partition_by=["week"],
    steps=[
        Step.map(
            "fan",
            [0, 1, 2, 3],
            Workflow(name="resumable.one_item", steps=[Step.pipeline("item", "resumable.item")]),
            max_concurrency=1,
        )
    ],
)
FOLLOWING = _workflow(
    "resumable.following",
    Step.wait_for("sourced", "resumable.sourced", [{"week": "of another"}], timeout=60, poll_interval=0.2),
)
SUBBED = _workflow("resumable.subbed", Step.workflow("sub", WAITING))
ALL = (GATED, SOURCED, PARTIAL, WAITING, ROUTED, MAPPED, FOLLOWING, SUBBED)


async def until_waiting(folder, times=1):
    """Come back when the waiting pipeline has been begun that often."""

    def told():
        return (folder / "ran").exists() and (folder / "ran").read_text().count("wait") >= times

    while not told():  # noqa: ASYNC110 - another thread tells it
        await asyncio.sleep(0.05)

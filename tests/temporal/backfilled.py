"""A workflow of two steps whose partitions are backfilled; some of its partitions fail, wait, or are refused."""

from collections import Counter
from threading import Event
from time import sleep

from pydantic import BaseModel, field_validator

from spine_temporal import ErrorCategory, Pipeline, SpineError, Step, StepResult, Workflow, register_pipeline

#: Shards whose second step fails, until a test mends them; with the category.
BROKEN: dict[int, ErrorCategory] = {}
#: Shards that a person looks at.
UNSURE: set[int] = set()
#: How often each shard's first step has run.
LOADED: Counter[int] = Counter()
#: How many seconds the step behind the gate takes.
TAKES: dict[str, float] = {}
#: Shards from here on wait until it is set.
SLOW_FROM = 900
GO_ON = Event()


def forget():
    """Begin a test as if none had been before it."""
    for kept in (BROKEN, UNSURE, LOADED, TAKES):
        kept.clear()
    GO_ON.clear()


class Params(BaseModel):
    shard: int
    day: str = ""

    @field_validator("shard")
    @classmethod
    def _is_shard(cls, shard: int) -> int:
        if shard in range(190, 195):
            raise ValueError(f"shard {shard} is out of service")
        return shard


@register_pipeline("backfilled.load")
class Load(Pipeline):
    def run(self):
        LOADED[self.params["shard"]] += 1
        if self.params["shard"] >= SLOW_FROM:
            GO_ON.wait(60)
        return {"row_count": 1, "is_unsure": self.params["shard"] in UNSURE}


@register_pipeline("backfilled.publish")
class Publish(Pipeline):
    def run(self):
        if self.params["shard"] in BROKEN:
            raise SpineError("the source is broken", BROKEN[self.params["shard"]])
        sleep(TAKES.get("publish", 0.0))
        return {}


def check(ctx, _config):
    is_unsure = ctx.params["day"] == "hold" or ctx.get_output("load", "is_unsure")
    return StepResult.fail("look at it", "QUALITY_GATE") if is_unsure else StepResult.ok()


BACKFILLED = Workflow(
    name="test.backfilled",
    params_model=Params,
    partition_by=("shard",),
    steps=[
        Step.pipeline("load", "backfilled.load", local=True),
        Step.lambda_("check", check, on_error="HOLD"),
        Step.pipeline("publish", "backfilled.publish", local=True),
    ],
)

#: Its gate is held beside a pipeline that works on.
BESIDE = Workflow(
    name="test.beside",
    params_model=Params,
    partition_by=("shard",),
    steps=[
        Step.pipeline("load", "backfilled.load", local=True),
        Step.parallel(
            "both",
            [Step.lambda_("check", check, on_error="HOLD"), Step.pipeline("publish", "backfilled.publish")],
        ),
    ],
)

TOTAL = Workflow(
    name="test.total",
    partition_by=("day",),
    steps=[Step.workflow("shard", BACKFILLED, {"shard": 3})],
)

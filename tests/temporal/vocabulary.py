"""Workflows of the whole step vocabulary: parallel, map, sub-workflows, waits for others, held gates, hooks."""

from spine_temporal import (
    ErrorCategory,
    Pipeline,
    PipelineResult,
    PipelineStatus,
    QualityCheck,
    QualityMetrics,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)


def sql(statement):
    """The statement as SQLAlchemy takes it, which a run that loads this module for its gates must not load."""
    from sqlalchemy import text

    return text(statement)


@register_pipeline("vocabulary.work")
class Work(Pipeline):
    """Writes one row, and does what it is told."""

    def run(self):
        does = self.params.get("does", "ok")
        if does == "fail" or self.params.get("item") in self.params.get("bad", ()):
            raise SpineError(f"{self.params.get('item', 'it')} is wrong", ErrorCategory.DATA_QUALITY)
        return {"row_count": 1, "item": self.params.get("item"), "told": self.params.get("told")}


@register_pipeline("vocabulary.mended")
class Mended(Pipeline):
    """Gives more rows each time that it is run for the same test: the source was mended in between."""

    def run(self):
        self.connection.execute(sql("INSERT INTO mended VALUES (:test)"), {"test": self.params["test"]})
        count = sql("SELECT count(*) FROM mended WHERE test = :test")
        rows = self.connection.execute(count, {"test": self.params["test"]}).scalar()
        if self.params.get("breaks") and rows == 2 and not self.params.get("mended"):
            raise SpineError("broken again", ErrorCategory.DATA_QUALITY)
        return {"row_count": rows}


@register_pipeline("vocabulary.slow")
class Slow(Pipeline):
    """Takes its time, until it is stopped."""

    def run(self):
        self.connection.execute(sql("SELECT pg_sleep(30)"))
        return {}


@register_pipeline("vocabulary.unsteady")
class Unsteady(Pipeline):
    """Fails as often as it is told to, with a failure that is tried again."""

    def run(self):
        if self.attempt <= self.params.get("fails", 0):
            raise SpineError("not yet", ErrorCategory.TRANSIENT)
        self.connection.execute(sql("INSERT INTO mended VALUES (:test)"), {"test": self.params["test"]})
        return {"row_count": 1, "attempt": self.attempt}


@register_pipeline("vocabulary.measuring")
class Measuring(Pipeline):
    """Measures its data, and fails of it where it is told to."""

    def run(self):
        bad = self.params.get("invalid", 0)
        quality = QualityMetrics(
            record_count=10,
            valid_count=10 - bad,
            invalid_count=bad,
            passed=bad < 5,
            custom_metrics={"share": bad / 10, "huge": 10**400, "words": "not a number"},
        )
        status = PipelineStatus.COMPLETED if bad < 5 else PipelineStatus.FAILED
        return PipelineResult(status=status, metrics={"row_count": 10}, error="half is bad", quality=quality)


def enough(ctx, config):
    rows = ctx.get_output("ingest", "row_count", 0)
    quality = QualityMetrics.of(QualityCheck.at_least("rows", rows, config["least"]))
    if rows < config["least"]:
        return StepResult.fail(f"{rows} rows are too few", "QUALITY_GATE", quality=quality)
    return StepResult.ok(output={"rows": rows}, quality=quality)


def measured(ctx, config):
    return StepResult.ok(output={"rows": 0}, quality=QualityMetrics.of(QualityCheck.at_least("rows", 0, 0)))


def fails(ctx, config):
    return StepResult.fail("no", "QUALITY_GATE")


def all_there(ctx, config):
    parts = ctx.get_output("sources")
    return StepResult.ok(output={"parts": sorted(parts), "rows": sum(part["row_count"] for part in parts.values())})


QUICK = RetryPolicy(max_attempts=1)
ONE = Workflow(name="vocabulary.one", steps=[Step.pipeline("work", "vocabulary.work")])
SUB = Workflow(
    name="vocabulary.sub",
    partition_by=["key"],
    steps=[
        Step.pipeline("ingest", "vocabulary.work", lambda ctx: {"item": ctx.get_param("key")}),
        Step.lambda_("check", enough, {"least": 1}),
    ],
)

PARALLEL = Workflow(
    name="vocabulary.parallel",
    steps=[
        Step.pipeline("first", "vocabulary.work"),
        Step.parallel(
            "sources",
            [Step.pipeline(name, "vocabulary.work", {"told": name}) for name in ("a", "b", "c")],
            max_concurrency=2,
        ),
        Step.lambda_("check", all_there),
    ],
)
MIXED = Workflow(
    name="vocabulary.mixed",
    steps=[
        Step.parallel(
            "both",
            [
                Step.pipeline("work", "vocabulary.work", on_error="CONTINUE"),
                Step.lambda_("gate", measured),
                Step.wait("pause", 0.1),
                Step.workflow("sub", SUB, {"key": "mixed"}),
                Step.map("fan", [1, 2, 3], ONE),
            ],
        )
    ],
)
STOPPED = Workflow(
    name="vocabulary.stopped",
    steps=[
        Step.parallel(
            "both",
            [Step.pipeline("slow", "vocabulary.slow"), Step.pipeline("bad", "vocabulary.work", {"does": "fail"})],
        ),
        Step.pipeline("never", "vocabulary.work"),
    ],
    on_failure=[Step.pipeline("notify", "vocabulary.work", {"told": "failed"})],
    on_cancel=[Step.pipeline("release", "vocabulary.work", {"told": "cancelled"})],
)
CANCELLED = Workflow(
    name="vocabulary.cancelled",
    steps=[Step.pipeline("slow", "vocabulary.slow")],
    on_cancel=[Step.pipeline("release", "vocabulary.work", {"told": "cancelled"})],
)
BAD_HOOK = Workflow(
    name="vocabulary.bad_hook",
    steps=[Step.pipeline("bad", "vocabulary.work", {"does": "fail"})],
    on_failure=[
        Step.pipeline("worse", "vocabulary.work", {"does": "fail"}),
        Step.pipeline("notify", "vocabulary.work"),
    ],
)
MAP = Workflow(
    name="vocabulary.map",
    steps=[
        Step.map("fan", "items", ONE, max_concurrency=10),
        Step.lambda_("check", lambda ctx, config: StepResult.ok(output={"n": ctx.get_output("fan", "completed")})),
    ],
)
TOLERANT = Workflow(name="vocabulary.tolerant", steps=[Step.map("fan", "items", ONE, tolerated_failures=0.5)])
GOES_ON = Workflow(
    name="vocabulary.goes_on",
    steps=[Step.map("fan", "items", ONE, on_error="CONTINUE"), Step.pipeline("after", "vocabulary.work")],
)
SLOW_SUB = Workflow(name="vocabulary.slow_sub", partition_by=["key"], steps=[Step.pipeline("slow", "vocabulary.slow")])
RUNS_SLOW = Workflow(
    name="vocabulary.runs_slow",
    steps=[
        Step.workflow("sub", SLOW_SUB, lambda ctx: {"key": ctx.get_param("test")}),
        Step.pipeline("after", "vocabulary.work"),
    ],
)
MAPS_SLOW = Workflow(
    name="vocabulary.maps_slow",
    steps=[Step.map("fan", "items", SLOW_SUB, item_param="key"), Step.pipeline("after", "vocabulary.work")],
)
COMPUTED = Workflow(
    name="vocabulary.computed",
    steps=[
        Step.pipeline("list", "vocabulary.work", sample_output={"row_count": 2}),
        Step.map(
            "fan",
            lambda ctx: [f"{ctx.get_param('test')}-{n}" for n in range(ctx.get_output("list", "row_count", 0) + 1)],
            SUB,
            item_param="key",
        ),
        Step.workflow("sub", SUB, lambda ctx: {"key": f"{ctx.get_param('test')}-sub"}),
    ],
)
WAITS_FOR = Workflow(
    name="vocabulary.waits_for",
    steps=[
        Step.wait_for("weeks", SUB, lambda ctx: {"key": ctx.get_param("test")}, poll_interval=0.2, timeout=30),
        Step.pipeline("work", "vocabulary.work"),
    ],
)
WAITS_IN_VAIN = Workflow(
    name="vocabulary.waits_in_vain",
    steps=[Step.wait_for("weeks", SUB, {"key": "never"}, poll_interval=0.3, timeout=1, category="LATE")],
)
HELD = Workflow(
    name="vocabulary.held",
    partition_by=["test"],
    steps=[
        Step.pipeline("ingest", "vocabulary.mended"),
        Step.lambda_("check", enough, {"least": 2}, on_error="HOLD"),
        Step.pipeline("after", "vocabulary.work"),
    ],
)
LOCAL = Workflow(
    name="vocabulary.local",
    partition_by=["test"],
    steps=[
        Step.pipeline("first", "vocabulary.unsteady", local=True, retry=RetryPolicy(initial_interval=0.1)),
        Step.lambda_("check", lambda ctx, config: StepResult.ok(output=ctx.get_output("first"))),
        Step.pipeline("second", "vocabulary.work", local=True, on_error="CONTINUE"),
        Step.parallel("both", [Step.pipeline("beside", "vocabulary.work", local=True)]),
    ],
)
LOCAL_SLOW = Workflow(name="vocabulary.local_slow", steps=[Step.pipeline("slow", "vocabulary.slow", local=True)])
MEASURED = Workflow(
    name="vocabulary.measured",
    steps=[
        Step.pipeline("ingest", "vocabulary.measuring"),
        Step.lambda_("check", enough, {"least": 1}),
        Step.pipeline("after", "vocabulary.work"),
    ],
)
STRICT = Workflow(
    name="vocabulary.strict",
    steps=[Step.pipeline("ingest", "vocabulary.work"), Step.lambda_("check", enough, {"least": 2})],
)
SUB_THEN_CHECK = Workflow(
    name="vocabulary.sub_then_check",
    steps=[
        Step.map("fan", [1, 2], ONE),
        Step.workflow("sub", SUB, lambda ctx: {"key": ctx.get_param("test")}),
        Step.parallel("both", [Step.pipeline("ingest", "vocabulary.work")]),
        Step.lambda_("check", enough, {"least": 2}),
    ],
)
DEADLINE = Workflow(
    name="vocabulary.deadline",
    steps=[Step.lambda_("check", fails, on_error="HOLD", deadline=1), Step.pipeline("after", "vocabulary.work")],
)
HELD_BESIDE = Workflow(
    name="vocabulary.held_beside",
    steps=[
        Step.parallel(
            "both", [Step.lambda_("check", fails, on_error="HOLD"), Step.pipeline("work", "vocabulary.work")]
        ),
        Step.pipeline("after", "vocabulary.work"),
    ],
)
ALL = tuple(value for value in list(globals().values()) if isinstance(value, Workflow))

#: Those that a golden history is recorded of, by its name.
RECORDED = {
    "parallel": PARALLEL,
    "beside": MIXED,
    "stopped": STOPPED,
    "map": MAP,
    "map_groups": MAP,
    "computed": COMPUTED,
    "waited_for": WAITS_IN_VAIN,
    "held": HELD,
    "held_shown": HELD,
    "local": LOCAL,
}

"""Pipelines and workflows for tests: module-level, as the sandbox imports them."""

import builtins
from datetime import datetime
from pathlib import Path

from spine_temporal import (
    ErrorCategory,
    Pipeline,
    PipelineResult,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)


@register_pipeline("jobs.count")
class Count(Pipeline):
    """Gives the rows that it is told."""

    def run(self):
        return {"row_count": self.params.get("rows", 5000), "error_count": self.params.get("errors", 0)}


@register_pipeline("jobs.wrapped")
class Wrapped(Pipeline):
    """Answers with a PipelineResult."""

    def run(self):
        return PipelineResult.ok(null_rate=self.params.get("null_rate", 0.01))


@register_pipeline("jobs.write")
class Write(Pipeline):
    """Writes a row in the step's transaction, then does what it is told."""

    def run(self):
        self.record_anomaly("WROTE", "a row of the pipeline's own", severity="INFO")
        match self.params.get("then"):
            case "raise":
                raise KeyError("row_count")
            case "big":
                return {"blob": "x" * 17_000_000, "row_count": 1}
            case "not_json":
                return {"rows": {1, 2, 3}}
            case "nan":
                return {"rate": float("nan")}
            case "rows":
                return [1, 2, 3]
            case "quality":
                raise SpineError("the file is cut off", ErrorCategory.DATA_QUALITY, code="TRUNCATED")
            case "sql":
                self.connection.exec_driver_sql("SELECT 1/0")
        return {"row_count": 1}


@register_pipeline("jobs.flaky")
class Flaky(Pipeline):
    """Fails until its third attempt."""

    def run(self):
        if self.attempt < 3:
            raise SpineError("not yet", ErrorCategory.TRANSIENT)
        return {"tries": self.attempt}


def enough(ctx, config):
    result = ctx.get_output("ingest")
    if result.get("row_count", 0) < 1000:
        return StepResult.fail("Too few records ingested", "QUALITY_GATE")
    return StepResult.ok(output={"validated": True, "row_count": result.get("row_count")})


GATED = Workflow(
    name="jobs.gated",
    domain="jobs",
    steps=[
        Step.pipeline("ingest", "jobs.count"),
        Step.lambda_("validate", enough),
        Step.pipeline("normalize", "jobs.wrapped"),
    ],
)

WRITES = Workflow(
    name="jobs.writes", steps=[Step.pipeline("write", "jobs.write", retry=RetryPolicy(initial_interval=0.05))]
)

FLAKY = Workflow(
    name="jobs.flaky", steps=[Step.pipeline("try", "jobs.flaky", retry=RetryPolicy(initial_interval=0.05))]
)

CONTINUES = Workflow(
    name="jobs.continues",
    steps=[
        Step.pipeline("ingest", "jobs.count"),
        Step.lambda_("validate", enough, on_error="CONTINUE"),
        Step.pipeline("normalize", "jobs.wrapped"),
    ],
)

ROUTED = Workflow(
    name="jobs.routed",
    steps=[
        Step.choice(
            "route",
            condition=lambda ctx: ctx.params.get("full_refresh", False),
            then_step="full",
            else_step="incremental",
        ),
        Step.pipeline("full", "jobs.count"),
        Step.pipeline("incremental", "jobs.count"),
        Step.pipeline("report", "jobs.wrapped"),
    ],
)


def _odd_gate(ctx, config):  # noqa: PLR0911 - one per kind of wrong
    match ctx.get_param("gate"):
        case "raise":
            return {}["row_count"]
        case "clock":
            # Hidden from the check of the definition; the sandbox refuses it all the same.
            return StepResult.ok(output={"at": str(getattr(datetime, "".join(("n", "ow")))())})
        case "file":
            return StepResult.ok(output={"text": vars(builtins)["".join(("op", "en"))]("/etc/hosts").read()})
        case "none":
            return None
        case "dict":
            return {"success": True}
        case "back":
            return StepResult.ok(next_step="odd")
        case "set":
            return StepResult.ok(output={"symbols": {"A"}})
    return StepResult.ok(next_step="last")


ODD = Workflow(
    name="jobs.odd",
    steps=[
        Step.lambda_("odd", _odd_gate),
        Step.pipeline("passed_over", "jobs.count"),
        Step.pipeline("last", "jobs.wrapped"),
    ],
)


def _least(ctx, config):
    if ctx.get_output("ingest", "row_count") < config["least"]:
        return StepResult.fail("Too few")
    return StepResult.ok(output={"least": config["least"]})


RESUMED = Workflow(
    name="jobs.resumed",
    steps=[
        Step.pipeline("ingest", "jobs.count"),
        Step.lambda_("check", _least, {"least": 9000}),
        Step.pipeline("normalize", "jobs.wrapped"),
    ],
)

WAITED = Workflow(
    name="jobs.waited",
    steps=[Step.pipeline("ingest", "jobs.count"), Step.wait("settle", 1), Step.lambda_("validate", enough)],
)


@register_pipeline("jobs.read")
class Read(Pipeline):
    """Reads a file, and names it as its input."""

    @classmethod
    def fingerprint(cls, params):
        return Path(params["file"]).read_text()

    def run(self):
        return {"text": Path(self.params["file"]).read_text()}


READS = Workflow(name="jobs.reads", partition_by=["test"], steps=[Step.pipeline("read", "jobs.read")])
ONE_PARTITION = Workflow(name="jobs.one_partition", partition_by=(), steps=[Step.pipeline("count", "jobs.count")])
ALL = (READS, ONE_PARTITION, GATED, WRITES, FLAKY, CONTINUES, ROUTED, ODD, RESUMED, WAITED)

"""Workflows for the chaos run: made from a fixed seed, so that every process has the same ones."""

import random
import time
from collections.abc import Callable
from typing import Any

from spine_temporal import (
    ErrorCategory,
    Pipeline,
    QualityCheck,
    QualityMetrics,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    WorkflowContext,
    register_pipeline,
)
from spine_temporal.definition.composite_steps import AnyStep

#: No key: a row that is written twice is there twice.
TABLE = "CREATE TABLE chaos_rows (job text, test text, step text, number int, note text)"

_INSERT = "INSERT INTO chaos_rows VALUES (:job, :test, :step, :number, :note)"
_DELETE = "DELETE FROM chaos_rows WHERE test = :test AND step = :step AND number = :number"
_COUNT_ROWS = "SELECT count(*) FROM chaos_rows WHERE job = :job AND test = :test AND step = :step"
_SEED = 20251128
_COUNT = 24
#: Attempts that a step may take: an attempt that was lost, or that waited for a server, must not count among them.
_ATTEMPTS = {"transient": 3, "raise": 2}


def _sql(statement: str) -> Any:
    """Return the statement as SQLAlchemy takes it, which a run that loads this module for its gates must not load."""
    from sqlalchemy import text  # noqa: PLC0415

    return text(statement)


@register_pipeline("chaos.work")
class Work(Pipeline):
    """Writes rows in its transaction, and does what its step says."""

    def run(self) -> dict[str, Any]:
        """Return how many rows it wrote."""
        rows, does = self.params["rows"], self.params["does"]
        for number in range(rows):
            self._write(number)
            time.sleep(self.params["seconds"] / rows)
        if does == "note":
            self.record_anomaly("NOTED", f"{rows} rows", severity="INFO")
        if does == "quality":
            raise SpineError("the data is wrong", ErrorCategory.DATA_QUALITY, code="WRONG")
        if does == "transient" and self.attempt < 3:
            raise SpineError("not yet", ErrorCategory.TRANSIENT)
        if does == "raise":
            raise KeyError("row_count")
        return {"row_count": rows, "step": self.params["step"]}

    def _write(self, number: int) -> None:
        values = {"job": self.params["job"], "test": self.params["test"], "step": self.params["step"]}
        self.connection.execute(_sql(_INSERT), values | {"number": number, "note": "row"})


@register_pipeline("chaos.parts")
class Parts(Pipeline):
    """Commits part by part; each part is safe to repeat."""

    transactional = False

    def run(self) -> dict[str, Any]:
        """Return how many parts there are."""
        parts = self.params["rows"]
        (done,) = self.progress or (0,)
        for number in range(done, parts):
            with self.transaction() as connection:
                values = {"job": self.params["job"], "test": self.params["test"], "step": self.params["step"]}
                connection.execute(_sql(_DELETE), values | {"number": number})
                connection.execute(_sql(_INSERT), values | {"number": number, "note": "part"})
            time.sleep(self.params["seconds"] / parts)
            self.heartbeat(number + 1)
        return {"row_count": parts, "step": self.params["step"]}


@register_pipeline("chaos.item")
class Item(Pipeline):
    """One item of a map: one row."""

    def run(self) -> dict[str, Any]:
        """Return the item."""
        values = {"job": self.params["job"], "test": self.params["test"], "step": self.params["step"]}
        self.connection.execute(_sql(_INSERT), values | {"number": self.params["item"], "note": "item"})
        time.sleep(self.params.get("seconds", 0.05))
        return {"row_count": 1, "item": self.params["item"]}


@register_pipeline("chaos.source")
class Source(Pipeline):
    """Writes a row, and tells how many its earlier executions have committed: a source that a person mends."""

    def run(self) -> dict[str, Any]:
        """Return how many rows were there before."""
        values = {"job": self.params["job"], "test": self.params["test"], "step": self.params["step"]}
        before = self.connection.execute(_sql(_COUNT_ROWS), values).scalar_one()
        self.connection.execute(_sql(_INSERT), values | {"number": before, "note": "source"})
        return {"row_count": 1, "before": before}


ITEM = Workflow(name="chaos.item", steps=[Step.pipeline("item", "chaos.item", heartbeat_timeout=3)])
SUB = Workflow(
    name="chaos.sub",
    domain="chaos",
    partition_by=["test", "step"],
    steps=[
        Step.pipeline("work", "chaos.work", {"does": "ok", "rows": 2, "seconds": 0.1}, heartbeat_timeout=3),
        Step.lambda_("check", lambda ctx, config: StepResult.ok(output={"rows": ctx.get_output("work", "row_count")})),
    ],
)


def _in_order(ctx: WorkflowContext, config: Any) -> StepResult:
    """Count the results, and those that stand at their item's place."""
    results = ctx.get_output("fan", "results")
    in_place = sum(result == {"row_count": 1, "item": place} for place, result in enumerate(results))
    return StepResult.ok(output={"results": len(results), "in_place": in_place})


LARGE_MAP = Workflow(
    name="chaos.large_map",
    domain="chaos",
    partition_by=["test"],
    steps=[
        Step.map("fan", "items", ITEM, params={"job": "large", "step": "fan", "seconds": 0.01}, max_concurrency=32),
        Step.lambda_("in_order", _in_order),
    ],
)


def _mended(ctx: WorkflowContext, config: Any) -> StepResult:
    """Fail until the source was run again."""
    before = ctx.get_output(config["source"], "before", 0)
    quality = QualityMetrics.of(QualityCheck.at_least("before", before, 1))
    if not quality.passed:
        return StepResult.fail("the source is not mended", "QUALITY_GATE", quality=quality)
    return StepResult.ok(output={"before": before}, quality=quality)


def _gate(does: str) -> Any:
    def gate(ctx: WorkflowContext, config: Any) -> StepResult:
        counts = {name: output.get("row_count") for name, output in ctx.outputs.items()}
        if does == "fail":
            return StepResult.fail(f"{config['least']} are too few", "QUALITY_GATE")
        if does == "raise":
            return StepResult.ok(output={"none": counts["no such step"]})
        return StepResult.ok(output={"counts": counts, "least": config["least"]})

    return gate


def _condition(answer: bool) -> Callable[[WorkflowContext], bool]:
    return lambda _context: answer


def _held(draw: random.Random, job: str, name: str) -> list[AnyStep]:
    """Return a source and a gate that holds the run; what the person decides stands in the gate's name."""
    source = f"{name}_source"
    action = draw.choice(("waive", "waive", "retry", "retry", "abort"))
    return [
        Step.pipeline(source, "chaos.source", {"job": job, "step": source}, heartbeat_timeout=3),
        Step.lambda_(f"{name}_{action}", _mended, {"source": source}, on_error="HOLD"),
    ]


def _other(name: str) -> list[AnyStep]:
    """Return a sub-workflow beside a step that waits for its partition."""

    def partition(ctx: WorkflowContext) -> dict[str, Any]:
        return {"test": ctx.get_param("test"), "step": name}

    def params(ctx: WorkflowContext) -> dict[str, Any]:
        return {"job": "sub", **partition(ctx)}

    return [
        Step.parallel(
            name,
            [
                Step.workflow(f"{name}_sub", SUB, params),
                Step.wait_for(f"{name}_for", SUB, partition, poll_interval=0.3, timeout=300),
            ],
        )
    ]


def _steps(draw: random.Random, job: str, name: str, following: list[str]) -> list[AnyStep]:
    kind = draw.choices(("one", "held", "other"), weights=(8, 0 if name == "s1" else 2, 1))[0]
    if kind == "held" and name != "s0":  # nothing is held in a branch that may not be taken
        return _held(draw, job, name)
    if kind == "other":
        return _other(name)
    return [_step(draw, job, name, following)]


def _step(draw: random.Random, job: str, name: str, following: list[str]) -> AnyStep:
    kinds = ("work", "parts", "gate", "wait", "parallel", "map", "choice")
    kind = draw.choices(kinds, weights=(6, 2, 3, 1, 2, 2, 2 if name == "s0" else 0))[0]
    on_error = draw.choice(("STOP", "STOP", "CONTINUE"))
    if kind == "gate":
        does = draw.choices(("pass", "fail", "raise"), weights=(8, 1, 1))[0]
        return Step.lambda_(name, _gate(does), {"least": draw.randrange(9)}, on_error=on_error)
    if kind == "wait":
        return Step.wait(name, draw.choice((0.1, 1, 4)))
    if kind == "parallel":
        inner = [_work(draw, job, f"{name}_{number}", "CONTINUE") for number in range(3)]
        return Step.parallel(name, inner, max_concurrency=draw.choice((1, 2, None)))
    if kind == "map":
        return Step.map(name, list(range(draw.randrange(5, 30))), ITEM, params={"job": job, "step": name})
    if kind == "choice":
        return Step.choice(name, _condition(draw.random() < 0.5), following[0])
    return _work(draw, job, name, on_error, "chaos.work" if kind == "work" else "chaos.parts")


def _work(draw: random.Random, job: str, name: str, on_error: str, pipeline: str = "chaos.work") -> AnyStep:
    does = draw.choices(("ok", "note", "transient", "quality", "raise"), weights=(8, 2, 3, 1, 1))[0]
    params = {
        "job": job, "step": name, "does": does, "rows": draw.randrange(1, 6),
        "seconds": draw.choice((0.01, 0.05, 0.3, 1.0)),
    }  # fmt: skip
    return Step.pipeline(
        name,
        pipeline,
        params,
        on_error=on_error,
        retry=RetryPolicy(max_attempts=_ATTEMPTS.get(does, 1), initial_interval=0.1, max_interval=1),
        heartbeat_timeout=3,
        local=True if pipeline == "chaos.work" and draw.random() < 0.3 else None,
    )


def _workflow(number: int) -> Workflow:
    draw, job = random.Random(_SEED + number), f"chaos.n{number}"
    names = [f"s{position}" for position in range(draw.randrange(2, 6))]
    steps = [_steps(draw, job, name, names[position + 1 :]) for position, name in enumerate(names)]
    return Workflow(name=job, domain="chaos", partition_by=["test"], steps=[step for part in steps for step in part])


WORKFLOWS = [_workflow(number) for number in range(_COUNT)]

# The sandbox finds a workflow by its name in the module.
globals().update({f"N{number}": workflow for number, workflow in enumerate(WORKFLOWS)})

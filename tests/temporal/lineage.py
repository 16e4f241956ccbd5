"""Workflows that fail at one place after another, until files are put there, and tell what they did."""

from pathlib import Path

from spine_temporal import ErrorCategory, Pipeline, SpineError, Step, StepResult, Workflow, register_pipeline

#: No key: what is done twice is there twice.
TABLE = "CREATE TABLE done (test text, step text, item int)"
_INSERT = "INSERT INTO done VALUES (:test, :step, :item)"


@register_pipeline("lineage.write")
class Write(Pipeline):
    """Writes a row; fails where its step needs a file that nobody has put there."""

    def run(self):
        from sqlalchemy import text

        params = self.params
        values = {"test": params["test"], "step": params.get("step", "item"), "item": params.get("item")}
        self.connection.execute(text(_INSERT), values)
        needs = params.get("needs", f"item{params.get('item')}")
        if needs and not (Path(params["folder"]) / needs).exists():
            raise SpineError(f"no {needs}", ErrorCategory.DATA_QUALITY, code="MISSING")
        return {"row_count": 1, "item": params.get("item")}


def write(name, needs="", **options):
    return Step.pipeline(name, "lineage.write", {"step": name, "needs": needs}, **options)


def check(ctx, config):
    if not (config["passes"] or ctx.get_param("passes")):
        return StepResult.fail("it does not pass")
    return StepResult.ok()


MAPPED = Workflow(
    name="lineage.mapped",
    partition_by=["test"],
    steps=[
        Step.map(
            "fan",
            list(range(8)),
            Workflow(name="lineage.item", steps=[Step.pipeline("item", "lineage.write")]),
            max_concurrency=1,
        )
    ],
)
CHILD = Workflow(
    name="lineage.child",
    partition_by=["test"],
    steps=[write("first"), Step.lambda_("check", check, {"passes": True}), write("second", needs="source")],
)
PARENT = Workflow(
    name="lineage.parent",
    partition_by=["test"],
    steps=[write("before"), Step.workflow("sub", CHILD), write("after")],
)
THREE = Workflow(
    name="lineage.three",
    partition_by=["test"],
    steps=[write("one"), write("two"), write("three", needs="source")],
)
HELD = Workflow(
    name="lineage.held",
    partition_by=["test"],
    steps=[
        write("one"),
        write("two"),
        Step.lambda_("check", check, {"passes": False}, on_error="HOLD"),
        write("three", needs="source"),
    ],
)
HELD_LAST = Workflow(
    name="lineage.held_last",
    partition_by=["test"],
    steps=[
        write("one"),
        write("two", needs="source"),
        Step.lambda_("check", check, {"passes": False}, on_error="HOLD"),
    ],
)
ALL = (MAPPED, PARENT, CHILD, THREE, HELD, HELD_LAST)

"""Workflows whose code fails, each in a line of this file that its test finds."""

import json

from pydantic import BaseModel, field_validator

from spine_temporal import (
    ErrorCategory,
    Pipeline,
    RetryPolicy,
    SpineError,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)

QUICK = RetryPolicy(max_attempts=2, initial_interval=0.05)


def parsed(text):
    return json.loads(text)  # in the standard library


@register_pipeline("failing.work")
class Work(Pipeline):
    """Fails as it is told to."""

    def run(self):
        match self.params.get("does"):
            case "parse":
                return parsed("{")
            case "sql":
                self.connection.exec_driver_sql("SELECT 1/0")
            case "chain":
                try:
                    parsed("{")
                except ValueError as error:
                    raise RuntimeError(f"password=hunter2 {'é' * 3000}") from error
            case "refuse":
                raise SpineError("the file is cut off", ErrorCategory.DATA_QUALITY, code="TRUNCATED")
            case "heartbeat":
                self.heartbeat({1, 2})
            case "exit":
                raise SystemExit(3)
        return {"row_count": 10}


def reads(ctx, config):
    return StepResult.ok(output={"n": ctx.get_output("work")["nope"]})  # a gate


def typed(ctx, config):
    ctx.output_as("work", Typed)  # through the library
    return StepResult.ok()


def few(ctx, config):
    rows = ctx.get_output("work", "row_count", 0)
    return StepResult.fail(f"{rows} rows are too few", "QUALITY_GATE", output={"blob": "x" * config.get("size", 1)})


class Typed(BaseModel):
    nope: int


class Params(BaseModel):
    test: str = ""
    does: str = ""
    day: str = "Friday"

    @field_validator("day")
    @classmethod
    def _known(cls, day):
        if day == "Sunday":
            raise ValueError("nothing is traded on it")
        return {"Friday": day}[day]  # a validator


WORK = Step.pipeline("work", "failing.work", retry=QUICK)
PIPELINE = Workflow(name="failing.pipeline", params_model=Params, steps=[WORK])
SLOW = Workflow(
    name="failing.slow",
    steps=[Step.pipeline("work", "failing.work", retry=RetryPolicy(max_attempts=2, initial_interval=60))],
)
GATE = Workflow(name="failing.gate", steps=[WORK, Step.lambda_("check", reads)])
TYPED = Workflow(name="failing.typed", steps=[WORK, Step.lambda_("check", typed)])
CHOICE = Workflow(
    name="failing.choice",
    steps=[
        Step.choice("route", lambda ctx: {}["choice"], "work"),
        WORK,
    ],
)
PARAMS = Workflow(
    name="failing.params",
    steps=[Step.pipeline("work", "failing.work", lambda ctx: {"n": ctx.params["params"]})],
)
ITEM = Workflow(name="failing.item", steps=[WORK])
ITEMS = Workflow(name="failing.items", steps=[Step.map("fan", lambda ctx: ctx.params["items"], ITEM)])
PARTITION = Workflow(
    name="failing.partition",
    steps=[Step.wait_for("wait", ITEM, lambda ctx: {"test": ctx.params["partition"]})],
)
BESIDE = Workflow(
    name="failing.beside",
    steps=[
        Step.pipeline("work", "failing.work"),
        Step.parallel("both", [Step.lambda_("check", reads), Step.wait("pause", 0.1)]),
    ],
)
FEW = Workflow(
    name="failing.few",
    steps=[WORK, Step.lambda_("check", few, on_error="CONTINUE"), Step.pipeline("after", "failing.work")],
)
LARGE = Workflow(name="failing.large", steps=[WORK, Step.lambda_("check", few, {"size": 900_000})])
LARGE_BESIDE = Workflow(
    name="failing.large_beside",
    steps=[
        WORK,
        Step.parallel("both", [Step.lambda_("check", few, {"size": 900_000}), Step.wait("pause", 0.1)]),
    ],
)
HELD = Workflow(
    name="failing.held",
    steps=[WORK, Step.lambda_("check", few, on_error="HOLD"), Step.pipeline("after", "failing.work")],
)

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Workflow))

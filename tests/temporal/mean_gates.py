"""Gates that raise what is no Exception, and gates that compute for too long."""

import asyncio
import os
import re

from pydantic import BaseModel, field_validator

from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline

#: The process that has loaded this module first; those of its worker inherit it.
PROGRAM = "SPINE_TEST_PROGRAM"
os.environ.setdefault(PROGRAM, str(os.getpid()))

RAISED = {
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "BaseException": BaseException,
}


@register_pipeline("mean_gates.work")
class Work(Pipeline):
    """Gives a count."""

    def run(self):
        return {"row_count": 1}


#: What no gate may change.
SEEN = []


def _mean(ctx):
    does = ctx.params["does"]
    if does in RAISED:
        raise RAISED[does]("of the gate")
    if does == "loop":
        while True:
            pass
    if does == "backtrack":
        re.match(r"(a+)+$", "a" * 60 + "b")
    if does == "remember":
        SEEN.append(ctx.run_id)
    if does == "memory":
        return bytearray(4_000_000_000)
    return None


def gate(ctx, config):
    _mean(ctx)
    return StepResult.ok(output={"run": ctx.run_id, "started": ctx.started_at.isoformat()})


def params(ctx):
    _mean(ctx)
    return {}


def in_worker():
    """Whether this is not the program that starts the run, which validates as well."""
    return os.environ[PROGRAM] != str(os.getpid())


class Params(BaseModel):
    """Params whose validator does what it is told."""

    does: str
    test: str

    @field_validator("does")
    @classmethod
    def mean(cls, value):
        if value in RAISED:
            raise RAISED[value]("of the validator")
        if value == "backtrack" and in_worker():
            re.match(r"(a+)+$", "a" * 60 + "b")
        return value


WORK = Step.pipeline("work", Work.name)
GATED = Workflow(name="mean_gates.gated", steps=[WORK, Step.lambda_("mean", gate)])
CHOOSES = Workflow(name="mean_gates.chooses", steps=[Step.choice("mean", condition=_mean, then_step="work"), WORK])
COMPUTES = Workflow(name="mean_gates.computes", steps=[Step.pipeline("mean", Work.name, params)])
VALIDATES = Workflow(name="mean_gates.validates", params_model=Params, steps=[WORK])
ALL = (GATED, CHOOSES, COMPUTES, VALIDATES)

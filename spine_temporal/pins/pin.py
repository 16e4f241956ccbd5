"""A pin: the skeleton of a workflow's plan, and every way through it."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.paths import command_paths
from spine_temporal.machine.plan import AnyPlanned, Plan, PlannedMap, PlannedParallel, PlannedRetry
from spine_temporal.machine.planning import plan_of

#: What of a step leaves the commands as they are: thresholds, params, limits, stages.
_LEFT_OUT: dict[str, Any] = {
    "stage": "",
    "config": {},
    "params": {},
    "defaults": {},
    "sample_output": {},
    "retry": PlannedRetry(),
    "timeout": 0.0,
    "heartbeat_timeout": 0.0,
    "poll_interval": 0.0,
    "category": "",
    "memory": None,
    "task_queue": None,
    "limit": None,
    "deadline": None,
    "at_deadline": "abort",
    "approval": None,
    "known_params": None,
    "tolerated_failures": 0,
    "reached": "",
    "seconds": None,
    "until": None,
    "item_param": "item",
}


class Pin(BaseModel):
    """What a workflow asked of Temporal when it was pinned."""

    model_config = ConfigDict(frozen=True)

    plan: Plan
    paths: dict[str, tuple[str, ...]]

    def text(self) -> str:
        """Return the file's content: the same for the same commands, one thing a line."""
        plan = self.plan.model_dump(mode="json", include={"workflow", "steps", "on_failure", "on_cancel"})
        return json.dumps({"plan": _lean(plan), "paths": self.paths}, indent=1) + "\n"


def pin_of(workflow: Workflow) -> Pin:
    """Return the pin of a workflow as it is now."""
    plan = skeleton_of(plan_of(workflow))
    return Pin(plan=plan, paths=command_paths(plan))


def skeleton_of(plan: Plan) -> Plan:
    """Return the plan without what leaves the commands as they are."""
    hooks = {name: tuple(map(_bare, getattr(plan, name))) for name in ("on_failure", "on_cancel")}
    return plan.model_copy(update={"domain": "", "version": 1, "steps": tuple(map(_bare, plan.steps)), **hooks})


def _bare(step: Any) -> AnyPlanned:
    left_out = {name: value for name, value in _LEFT_OUT.items() if name in type(step).model_fields}
    if isinstance(step, PlannedParallel):  # how many begin at once is a matter of commands
        left_out = {"stage": "", "steps": tuple(map(_bare, step.steps))}
    if isinstance(step, PlannedMap):
        left_out["max_concurrency"] = 4
    for name in ("items", "partitions"):  # none: code gives them, and is asked for them
        if getattr(step, name, None) is not None:
            left_out[name] = ()
    inner = getattr(step, "pipeline", None)
    if isinstance(inner, BaseModel):
        left_out["pipeline"] = _bare(inner)
    bare: AnyPlanned = step.model_copy(update=left_out)
    return bare


def _lean(value: Any) -> Any:
    """Return a plan's JSON without the values that a skeleton has anyway."""
    if isinstance(value, list):
        return [_lean(each) for each in value]
    if not isinstance(value, dict):
        return value
    dropped = {*_LEFT_OUT, "max_concurrency"} if value.get("kind") == "map" else _LEFT_OUT
    given = {name: _lean(each) for name, each in value.items() if name not in dropped}
    return {name: each for name, each in given.items() if each not in (None, False, "STOP")}


def _whole(value: Any) -> Any:
    """Return the JSON with those values again."""
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if not isinstance(value, dict):
        return value
    whole = {name: _whole(each) for name, each in value.items()}
    return {**_LEFT_OUT, **whole} if "kind" in whole else whole


def file_of(folder: Path, workflow: str) -> Path:
    """Return where a workflow's pin is kept."""
    return folder / f"{workflow}.json"


def read_pin(path: Path) -> Pin:
    """Return a pin; raise ``SpineError`` naming the file where it is none."""
    try:
        given = _whole(json.loads(path.read_text()))
        return Pin(plan=Plan(**{"domain": "", "version": 1, **given["plan"]}), paths=given["paths"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SpineError(
            f"{path} is no pin: {str(error).splitlines()[0]}",
            ErrorCategory.CONFIGURATION,
            advice="delete it, and write it anew with `spine-temporal pin`",
        ) from None

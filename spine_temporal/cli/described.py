"""What ``info WORKFLOW`` says: where a workflow is, what it takes, what a run of it works on, and its steps."""

from typing import Any

import typer
from pydantic.fields import FieldInfo

from spine_temporal.cli.param_values import spelled
from spine_temporal.cli.printing import print_json
from spine_temporal.cli.session import chosen, definitions
from spine_temporal.definition.workflow import Workflow
from spine_temporal.settings import Settings

#: Said of a workflow without a params_model.
_ANY = "any: it has no params_model"


def print_workflow(settings: Settings, text: str, *, as_json: bool) -> None:
    """Print what a workflow is, by its name or its place; no server is asked. Raises ``DefinitionError``."""
    settings, workflow = chosen(settings, text)
    source = definitions(settings).workflows[workflow.name][1]
    told = described(workflow, f"{source.module}.{source.attribute}")
    if as_json:
        print_json(told)
        return
    params = told.pop("params")
    for name, value in told.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        typer.echo(f"{name:<18}{shown or '-'}")
    lines = [_ANY] if params is None else [f"{each['name']}: {each['type']}, {_how(each)}" for each in params]
    for line in lines or ["none"]:
        typer.echo(f"{'param':<18}{line}")


def described(workflow: Workflow, source: str) -> dict[str, Any]:
    """Return a workflow as JSON has it; ``params`` is None where it takes any."""
    model = workflow.params_model
    return {
        "workflow": workflow.name,
        "source": source,
        "description": workflow.description,
        "domain": workflow.domain,
        "tags": list(workflow.tags),
        "partition_by": ["all params"] if workflow.partition_by is None else list(workflow.partition_by),
        "steps": [step.name for step in workflow.steps],
        "params": None if model is None else [_param(name, each) for name, each in model.model_fields.items()],
    }


def _param(name: str, field: FieldInfo) -> dict[str, Any]:
    kind = field.annotation
    told = {
        "name": field.alias or name,
        "type": kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", ""),
        "required": field.is_required(),
    }
    is_plain = not field.is_required() and field.default_factory is None
    return told | ({"default": field.default} if is_plain else {})


def _how(param: dict[str, Any]) -> str:
    if param["required"]:
        return "required"
    if "default" not in param:
        return "a default is computed"
    return f"default {spelled({param['name']: param['default']}).partition('=')[2]}"

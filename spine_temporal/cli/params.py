"""Params from the command line: ``-p key=value``, ``--params`` with JSON or ``@file``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from spine_temporal.cli.param_values import read_value, spelled
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.params import resolve_params
from spine_temporal.definition.workflow import Workflow


def read_params(workflow: Workflow, pairs: list[str], text: str | None) -> dict[str, Any]:
    """Return the params that were given; a pair wins over ``--params``. Raises ``ParamsError``."""
    params = {} if text is None else _document(text)
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ParamsError(f"-p {pair!r} must be key=value, for example -p tier=OTC")
        params[name] = read_value(value, workflow.params_model, name)
    return params


def read_changes(pairs: list[str], workflows: Mapping[str, Workflow], workflow_id: str) -> dict[str, Any]:
    """Return what ``--set`` gives, read as ``-p`` is where the id opens with its workflow's name, as ours do.

    Raises ``ParamsError``.
    """
    workflow = workflows.get(workflow_id.partition("/")[0])
    model = None if workflow is None else workflow.params_model
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ParamsError(f"--set {pair!r} must be key=value, for example --set tier=OTC or --set check.least=500")
        changes[name] = read_value(value, model, name)
    return changes


def tell_params(workflow: Workflow, given: Mapping[str, Any]) -> None:
    """Tell on stderr what was understood of the params that were given."""
    resolved = resolve_params(workflow, given)
    understood = {name: resolved.get(name, value) for name, value in given.items()}
    if understood:
        typer.echo(f"params: {spelled(understood)}", err=True)


def _document(text: str) -> dict[str, Any]:
    source = "--params"
    if text.startswith("@"):
        source = f"--params {text}"
        try:
            text = Path(text[1:]).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ParamsError(f"{source}: cannot be read: {error}") from None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ParamsError(f"{source} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ParamsError(f'{source} must be a JSON object such as {{"tier": "OTC"}}, not {type(value).__name__}')
    return value

"""Params from the command line: ``-p key=value``, ``--params`` with JSON or ``@file``."""

import json
from pathlib import Path
from typing import Any

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.workflow import Workflow


def read_params(workflow: Workflow, pairs: list[str], text: str | None) -> dict[str, Any]:
    """Return the params that were given; a pair wins over ``--params``. Raises ``ParamsError``."""
    params = {} if text is None else _document(text)
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ParamsError(f"-p {pair!r} must be key=value, for example -p tier=OTC")
        params[name] = _value(workflow, value)
    return params


def read_changes(pairs: list[str]) -> dict[str, Any]:
    """Return what ``--set`` gives: JSON where the text is JSON, else the text. Raises ``ParamsError``."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ParamsError(f"--set {pair!r} must be key=value, for example --set tier=OTC or --set check.least=500")
        changes[name] = _json_or_text(value)
    return changes


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


def _value(workflow: Workflow, text: str) -> Any:
    """Read a value: text where a params model gives it its type, else JSON where it is JSON."""
    if workflow.params_model is not None and text[:1] not in {"{", "["}:
        return None if text == "null" else text
    return _json_or_text(text)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text

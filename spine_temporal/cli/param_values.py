"""A param's value from the text of a command line, and back."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from spine_temporal.definition.redaction import MASK, redacted

#: How Python spells what JSON spells otherwise.
_PYTHON: Mapping[str, Any] = {"True": True, "False": False, "None": None}
#: A value that is masked where its name is a secret's.
_PROBE = "0123456789abcdef"
#: Characters that are shown of one value, and of all.
_LONGEST, _LONGEST_LINE = 60, 300


def read_value(text: str, model: type[BaseModel] | None = None, name: str = "") -> Any:
    """Return the value that a text means: by the type of the model's field, else as JSON or Python, else the text."""
    field = None if model is None else _field(model, name)
    if field is None or field.annotation in {Any, object}:
        return _free(text)
    return _typed(text, field)


def spelled(values: Mapping[str, Any]) -> str:
    """Return the values as one line, in JSON's spelling, with secrets masked."""
    line = ", ".join(_spelled(name, value) for name, value in values.items())
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _spelled(name: str, value: Any) -> str:
    if MASK in redacted(f"{name}={_PROBE}"):
        return f"{name}={MASK}"
    text = redacted(json.dumps(value, ensure_ascii=False, default=str))
    return f"{name}={text if len(text) <= _LONGEST else f'{text[:_LONGEST]}…'}"


def _free(text: str) -> Any:
    if text in _PYTHON:
        return _PYTHON[text]
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(_name: str) -> NoReturn:
    """Let NaN and Infinity be text: they are no JSON."""
    raise ValueError


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    by_alias = {field.alias: field for field in model.model_fields.values() if field.alias}
    return model.model_fields.get(name) or by_alias.get(name)


def _typed(text: str, field: FieldInfo) -> Any:
    """Return the first reading that the field takes; where it takes none, the text, so that its model says why."""
    form: Any = field.annotation
    for constraint in field.metadata:
        form = Annotated[form, constraint]
    free = _free(text)
    for reading in ([None] if text == "null" else []) + [text, free]:
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(form)
            value = adapter.dump_python(adapter.validate_python(reading, strict=False), mode="json")
        except Exception:  # noqa: BLE001, S112 - types and validators are the user's code; the model tells what is wrong
            continue
        if isinstance(reading, bool) and not isinstance(value, bool):
            continue  # pydantic would count it as 0 or 1
        return value if isinstance(value, bool | int | float | None) else reading
    return free if isinstance(free, list | dict) else text

"""What can be carried between steps: JSON, checked and normalised where a value enters."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from spine_temporal.definition.redaction import redacted

#: Levels of nesting that a value may have; deeper ones break JSON readers.
MAX_DEPTH = 64
#: Bytes of one pipeline's output as JSON. Large ones are kept beside Temporal's history, which holds a reference.
MAX_OUTPUT_BYTES = 16 * 1024 * 1024
#: Bytes of a gate's output as JSON.
MAX_VERDICT_BYTES = 1024 * 1024
#: Bytes of a run's params as JSON.
MAX_PARAMS_BYTES = 256 * 1024
#: Bits of an integer: JSON's readers give up somewhere above 4,300 digits.
MAX_INTEGER_BITS = 4096
#: Characters of an error's text that are kept.
MAX_ERROR_CHARACTERS = 2000


class JsonValueError(ValueError):
    """Raised when a value cannot be carried as JSON; the message names the key."""


def to_json(value: Any, where: str) -> Any:
    """Return ``value`` as plain JSON data: dates as ISO 8601, decimals and UUIDs as strings, enums by value.

    ``where`` names the value in the ``JsonValueError`` that is raised where a part of it cannot be carried.
    """
    return _convert(value, where, MAX_DEPTH)


def json_size(value: Any) -> int:
    """Return the bytes of plain JSON data as UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def require_size(value: Any, where: str, limit: int, advice: str) -> None:
    """Raise ``JsonValueError`` naming the largest key where ``value`` is larger than ``limit`` bytes."""
    size = json_size(value)
    if size <= limit:
        return
    largest = ""
    if isinstance(value, Mapping) and value:
        key = max(value, key=lambda name: json_size(value[name]))
        largest = f" (largest: {where}[{key!r}], {json_size(value[key]):,} bytes)"
    raise JsonValueError(f"{where} is {size:,} bytes as JSON, over the limit of {limit:,}{largest}: {advice}")


def clean_text(text: str, limit: int = MAX_ERROR_CHARACTERS) -> str:
    """Return text that Postgres and Temporal can store: no NUL, no lone surrogate, at most ``limit`` characters.

    Passwords, tokens and keys in it are masked.
    """
    text = redacted(text)
    text = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _convert(value: Any, where: str, depth: int) -> Any:  # noqa: PLR0911 - one per kind of value
    if depth == 0:
        raise JsonValueError(f"{clean_text(where, 200)} is nested deeper than {MAX_DEPTH} levels: flatten it")
    match value:
        case None | bool():
            return value
        case Enum():
            return _convert(value.value, where, depth)
        case str():
            return _text(value, where)
        case int():
            return _integer(value, where)
        case float():
            return _number(value, where)
        case Mapping():
            return {_key(key, where): _convert(item, f"{where}[{key!r}]", depth - 1) for key, item in value.items()}
        case _ if isinstance(value, list | tuple):
            return _items(value, where, depth)
        case _:
            return _scalar(value, where)


def _items(value: Sequence[Any], where: str, depth: int) -> list[Any]:
    return [_convert(item, f"{where}[{index}]", depth - 1) for index, item in enumerate(value)]


def _scalar(value: Any, where: str) -> Any:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
    raise JsonValueError(
        f"{clean_text(where, 200)} is a {type(value).__name__}, which is not JSON: "
        "give counts, ids and measures as numbers, strings, lists or dicts"
    )


def _integer(value: int, where: str) -> int:
    if value.bit_length() > MAX_INTEGER_BITS:
        raise JsonValueError(
            f"{clean_text(where, 200)} is an integer of {value.bit_length():,} bits, over the limit of "
            f"{MAX_INTEGER_BITS:,}: give it as text"
        )
    return int(value)


def _number(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise JsonValueError(f"{clean_text(where, 200)} is {value}, which JSON cannot hold: give None or leave it out")
    return float(value)


def _text(value: str, where: str) -> str:
    if "\x00" in value:
        raise JsonValueError(f"{clean_text(where, 200)} holds a NUL character, which Postgres cannot store: remove it")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise JsonValueError(
            f"{clean_text(where, 200)} holds half a surrogate pair, which is no valid text: decode it properly"
        ) from None
    return str(value)


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise JsonValueError(f"{clean_text(where, 200)} has a key that is a {type(key).__name__}: keys must be strings")
    return _text(key, f"a key of {where}")

"""Amounts of memory."""

import re

from spine_temporal.definition.errors import DefinitionError

MEBIBYTE = 1024 * 1024
#: The least that a step may be given.
LEAST = 16 * MEBIBYTE

_UNITS = {"": 1, "k": 1024, "m": MEBIBYTE, "g": 1024 * MEBIBYTE, "t": 1024 * 1024 * MEBIBYTE}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)


def bytes_of(name: str, value: int | str | None) -> int | None:
    """Return an amount in bytes: a number, or text such as ``512MB`` or ``2 GiB`` (units of 1024).

    Raises ``DefinitionError`` if it is no amount, or too small.
    """
    if value is None:
        return None
    amount: float = -1
    if isinstance(value, str) and (found := _TEXT.fullmatch(value.strip())):
        amount = float(found[1]) * _UNITS[found[2].lower()]
    elif isinstance(value, int) and not isinstance(value, bool):
        amount = value
    if not LEAST <= amount < 2**60:
        raise DefinitionError(f"{name} must be bytes or text such as '512MB', and at least 16 MiB, not {value!r}")
    return int(amount)


def memory_text(amount: int) -> str:
    """Return bytes as a person reads them."""
    if amount >= 1024 * MEBIBYTE:
        return f"{amount / 1024 / MEBIBYTE:.3g} GiB"
    return f"{amount / MEBIBYTE:.4g} MiB"

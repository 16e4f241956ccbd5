"""The settings of ``check``: ``[tool.spine.check]`` of pyproject.toml, or ``[check]`` of spine.toml."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spine_temporal.checks.catalogue import CODES
from spine_temporal.checks.codes import FindingSeverity
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.names import did_you_mean

#: Where it stands in the project's settings.
KEY = "check"
#: Says of a key where it stands, for a message.
Where = Callable[[str], str]
_KEYS = ("disable", "severity", "tests", "docs")


@dataclass(frozen=True, kw_only=True)
class CheckSettings:
    """Which codes are left out, how grave the others are, and in which folders the tests and the pages are."""

    disable: frozenset[str] = frozenset()
    severity: Mapping[str, FindingSeverity] = field(default_factory=dict)
    tests: tuple[str, ...] = ("tests",)
    docs: tuple[str, ...] = ("docs",)

    @classmethod
    def of(cls, table: Any, where: Where) -> "CheckSettings":
        """Read the table; ``where`` says of a key where it stands. Raises ``SpineError`` naming the key."""
        if not isinstance(table, Mapping):
            raise _refusal(where(KEY), table, "a table")
        for key in table:
            if key not in _KEYS:
                allowed = f"allowed are {', '.join(_KEYS)}{did_you_mean(key, _KEYS)}"
                raise SpineError(f"{where(f'{KEY}.{key}')} is unknown: {allowed}", ErrorCategory.CONFIGURATION)
        folders = {key: _strings(table[key], where(f"{KEY}.{key}")) for key in ("tests", "docs") if key in table}
        return cls(
            disable=frozenset(_disabled(table.get("disable", []), where(f"{KEY}.disable"))),
            severity=_severities(table.get("severity", {}), where(f"{KEY}.severity")),
            **folders,
        )


def _disabled(given: Any, where: str) -> list[str]:
    return [_code(name, where) for name in _strings(given, where)]


def _severities(given: Any, where: str) -> dict[str, FindingSeverity]:
    if not isinstance(given, Mapping):
        raise _refusal(where, given, 'a table such as { SPN404 = "error" }')
    found: dict[str, FindingSeverity] = {}
    for name, value in given.items():
        if value not in list(FindingSeverity):
            raise _refusal(f"{name} of {where}", value, f"one of {', '.join(FindingSeverity)}")
        found[_code(name, where)] = FindingSeverity(value)
    return found


def _strings(given: Any, where: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise _refusal(where, given, "a list of strings")
    return tuple(given)


def _code(name: str, where: str) -> str:
    if name not in CODES:
        raise _refusal(where, name, f"a code of `check`, such as SPN404{did_you_mean(name, CODES)}")
    return name


def _refusal(where: str, given: Any, allowed: str) -> SpineError:
    return SpineError(f"{where} is {given!r}", ErrorCategory.CONFIGURATION, advice=f"it must be {allowed}")

"""A finding, and where it is."""

from collections.abc import Iterable
from dataclasses import dataclass

from spine_temporal.checks.catalogue import CODES
from spine_temporal.checks.codes import FindingSeverity


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """A place in a file; lines and columns from 1."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What ``check`` says of a place: one sentence why, one how to mend it."""

    code: str
    place: Place
    message: str
    mend: str
    severity: FindingSeverity

    @classmethod
    def of(cls, code: str, place: Place, message: str) -> "Finding":
        """Return a finding with what the catalogue says of its code."""
        known = CODES[code]
        return cls(code=code, place=place, message=message, mend=known.mend, severity=known.severity)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by place; of several of one code on a line the first."""
    kept: dict[tuple[str, int, str], Finding] = {}
    for finding in sorted(findings, key=lambda each: (each.place, each.code)):
        kept.setdefault((finding.place.file, finding.place.line, finding.code), finding)
    return list(kept.values())

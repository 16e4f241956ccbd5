"""Comments that suppress a finding: ``# spine: ignore[SPN109] the order means nothing here``."""

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from spine_temporal.checks.catalogue import CODES
from spine_temporal.checks.findings import Finding, Place
from spine_temporal.checks.sources import Source
from spine_temporal.definition.names import did_you_mean

_COMMENT = re.compile(r"#\s*spine:\s*ignore\[([^\]]*)\](.*)")


@dataclass(frozen=True, kw_only=True)
class Suppression:
    """The codes that are suppressed on a line, and why."""

    place: Place
    #: The line whose findings it suppresses: its own, or the next one where it stands alone.
    line: int
    codes: tuple[str, ...]
    reason: str
    used: set[str] = field(default_factory=set)

    def takes(self, finding: Finding) -> bool:
        """Return whether it suppresses a finding, and keep that it does."""
        if finding.place.file != self.place.file or finding.place.line != self.line or finding.code not in self.codes:
            return False
        self.used.add(finding.code)
        return True

    def wrong(self, judged: frozenset[str]) -> Iterator[Finding]:
        """Yield what is wrong with it itself; of codes that were not looked for nobody can tell."""
        if not self.reason:
            yield Finding.of("SPN003", self.place, f"the suppression of {', '.join(self.codes)} has no reason")
        for code in self.codes:
            if code not in CODES:
                meant = did_you_mean(code, CODES)
                yield Finding.of("SPN005", self.place, f"the suppression names {code!r}, which is no code{meant}")
            elif code in judged and code not in self.used:
                yield Finding.of("SPN004", self.place, f"nothing on line {self.line} is a {code}")


def suppressions_in(source: Source) -> list[Suppression]:
    """Return the suppressions of a file."""
    found: list[Suppression] = []
    for token in _comments(source.text):
        comment = _COMMENT.match(token.string)
        if comment is None:
            continue
        line, column = token.start
        alone = not token.line[:column].strip()
        codes = tuple(code.strip() for code in comment[1].split(",") if code.strip())
        place = Place(file=source.file, line=line, column=column + 1)
        following = _next_line(source.text, line) if alone else line
        found.append(Suppression(place=place, line=following, codes=codes, reason=comment[2].strip(" :-")))
    return found


def unsuppressed(findings: Sequence[Finding], suppressions: Sequence[Suppression]) -> list[Finding]:
    """Return the findings that no suppression takes."""
    return [finding for finding in findings if not [each for each in suppressions if each.takes(finding)]]


def _comments(text: str) -> Iterator[tokenize.TokenInfo]:
    if "spine:" not in text:
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token


def _next_line(text: str, line: int) -> int:
    lines = text.splitlines()
    following = range(line + 1, len(lines) + 1)
    return next((each for each in following if lines[each - 1].strip() and lines[each - 1].strip()[0] != "#"), line)

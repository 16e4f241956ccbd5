"""The structure of a weekly file: header, lines, which of them split into eight fields. No typing here.

What is refused may be any file of the machine: no refusal has a word of it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

from spine_temporal import ErrorCategory, SpineError

COLUMNS = (
    "tierDescription",
    "issueSymbolIdentifier",
    "issueName",
    "marketParticipantName",
    "MPID",
    "totalWeeklyShareQuantity",
    "totalWeeklyTradeCount",
    "lastUpdateDate",
)
FIELD_COUNT, BAD_ENCODING = "FIELD_COUNT", "BAD_ENCODING"
#: Lines of a file, and those that do not split; a tier's largest week has 200,000, and the gate lets 10 pass.
MAX_LINES, MAX_BAD = 2_000_000, 10_000
#: Bytes of a line; FINRA's have some hundred.
MAX_LINE = 64 * 1024
#: Lines that are hashed at once.
_BLOCK = 50_000

_HEADER = "|".join(COLUMNS)
_SEPARATORS = {b"|": "bars", b",": "commas", b"\t": "tabs", b";": "semicolons"}


@dataclass(frozen=True, kw_only=True)
class ParsedFile:
    """The data lines of a file, each reduced to the eight columns in their order."""

    lines: list[bytes]
    #: Line number in the file of every data line, from 1.
    numbers: Sequence[int]
    #: Position in ``lines`` to reason, for lines that do not split or are not UTF-8.
    bad: dict[int, str]
    #: Which columns of the header, from 1, are none of the eight.
    extra_columns: tuple[int, ...]

    @property
    def content_sha256(self) -> str:
        """The hash of the lines sorted: order, BOM, line ends and a last newline do not matter."""
        digest, lines = hashlib.sha256(), sorted(self.lines)
        for start in range(0, len(lines), _BLOCK):
            digest.update(b"\n".join(lines[start : start + _BLOCK]) + b"\n")
        return digest.hexdigest()

    def values(self, column: int) -> set[str]:
        """Return the distinct values of the first (0) or last (7) column, of lines that split."""
        good = self.lines
        if self.bad:
            good = [line for position, line in enumerate(good) if position not in self.bad]
        if column == 0:
            ends = {line.partition(b"|")[0] for line in good}
        else:
            ends = {line.rpartition(b"|")[2] for line in good}
        return {value.decode().strip() for value in ends}


def parse(data: bytes, where: str) -> ParsedFile:
    """Split a file; raise ENCODING, SOURCE_EMPTY or HEADER_MISMATCH where it is no weekly file."""
    if not data or data.isspace():
        raise _refused(f"{where} has no content: fetch it again", "SOURCE_EMPTY")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise _refused(f"{where} is UTF-16: save it as UTF-8", "ENCODING")
    if data.count(b"\n") > MAX_LINES:
        raise _refused(f"{where} has more than {MAX_LINES:,} lines, which no weekly file has", "TOO_MANY_LINES")
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if b"\r" in data:
        lines = [line.rstrip(b"\r") for line in lines]
    at, names = _header(lines, where)
    if b"\x00" in lines[at]:
        raise _refused(f"{where} is UTF-16 or no text at all: save it as UTF-8", "ENCODING")
    order = _order(names, lines[at], f"{where}, line {at + 1},")
    numbers, rows = _numbered(lines, at + 1)
    if not rows:
        raise _refused(f"{where} has a header and no rows: fetch it again", "SOURCE_EMPTY")
    _check_lengths(rows, numbers, where)
    bad = _bad_lines(rows, numbers, len(names), where, clean=_is_clean(data))
    undecodable = sum(reason == BAD_ENCODING for reason in bad.values())
    if undecodable * 100 > len(rows):
        raise _refused(f"{where}: {undecodable:,} of {len(rows):,} lines are not UTF-8: save it as UTF-8", "ENCODING")
    if order != list(range(len(COLUMNS))) or len(names) != len(COLUMNS):
        rows = [line if position in bad else _reordered(line, order) for position, line in enumerate(rows)]
    known = {column.lower() for column in COLUMNS}
    extra = tuple(number for number, name in enumerate(names, 1) if name not in known)
    return ParsedFile(lines=rows, numbers=numbers, bad=bad, extra_columns=extra)


def _header(lines: list[bytes], where: str) -> tuple[int, list[str]]:
    for position, line in enumerate(lines):
        if line.strip() and not line.startswith(b"#"):
            return position, [name.strip().lower() for name in line.decode("utf-8", "replace").split("|")]
    raise _refused(f"{where} has no header line", "SOURCE_EMPTY")


def _order(names: list[str], line: bytes, where: str) -> list[int]:
    try:
        return [names.index(column.lower()) for column in COLUMNS]
    except ValueError:
        raise _refused(
            f"{where} is not the weekly file's header: expected {_HEADER}, found {_kind_of(names, line)}",
            "HEADER_MISMATCH",
        ) from None


def _kind_of(names: list[str], line: bytes) -> str:
    """Return what kind of line it is, in none of its words."""
    start = line.lstrip()[:1]
    if start == b"<":
        return "markup such as HTML"
    if start in {b"{", b"["}:
        return "JSON"
    missing = [column for column in COLUMNS if column.lower() not in names]
    if len(missing) < len(COLUMNS):
        return f"{len(names)} columns, without {', '.join(missing)}"
    sign = max(_SEPARATORS, key=line.count)
    fields = [name.strip().lower() for name in line.split(sign)]
    if len(fields) == 1:
        return f"one column of {len(line):,} bytes"
    known = sum(column.lower().encode() in fields for column in COLUMNS)
    return f"{len(fields)} columns separated by {_SEPARATORS[sign]}, {known or 'none'} of them of an expected name"


def _numbered(lines: list[bytes], first: int) -> tuple[Sequence[int], list[bytes]]:
    """Return number and content of the lines from there on that are not blank."""
    end = len(lines)
    while end > first and not lines[end - 1].strip():
        end -= 1
    rows, numbers = lines[first:end], range(first + 1, end + 1)
    if all(map(bytes.strip, rows)):
        return numbers, rows
    return [number for number in numbers if lines[number - 1].strip()], [row for row in rows if row.strip()]


def _is_clean(data: bytes) -> bool:
    """Whether it is all UTF-8 that Postgres can store."""
    if b"\x00" in data:
        return False
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_lengths(rows: list[bytes], numbers: Sequence[int], where: str) -> None:
    longest = max(map(len, rows))
    if longest > MAX_LINE:
        at = numbers[next(position for position, row in enumerate(rows) if len(row) == longest)]
        raise _refused(
            f"{where}: line {at} has {longest:,} bytes, more than the {MAX_LINE:,} of any weekly file", "LINE_TOO_LONG"
        )


def _bad_lines(rows: list[bytes], numbers: Sequence[int], fields: int, where: str, *, clean: bool) -> dict[int, str]:
    separators = list(map(bytes.count, rows, repeat(b"|")))
    bad, unsplit = {}, len(rows) - separators.count(fields - 1)
    if unsplit > MAX_BAD:
        at = next(position for position, count in enumerate(separators) if count != fields - 1)
        raise _refused(
            f"{where}: {unsplit:,} of {len(rows):,} lines have another number of fields than the header's {fields}; "
            f"the first is line {numbers[at]} with {separators[at] + 1}: fetch it again",
            FIELD_COUNT,
        )
    if unsplit:
        bad = {position: FIELD_COUNT for position, count in enumerate(separators) if count != fields - 1}
    if not clean:
        bad |= {position: BAD_ENCODING for position, line in enumerate(rows) if not _is_clean(line)}
    return dict(sorted(bad.items()))


def _reordered(line: bytes, order: list[int]) -> bytes:
    fields = line.split(b"|")
    return b"|".join(fields[index] for index in order)


def _refused(message: str, code: str) -> SpineError:
    return SpineError(message, ErrorCategory.DATA_QUALITY, code=code)

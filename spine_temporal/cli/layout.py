"""Lines and tables that fit the terminal: a word is never broken, and data is never read as markup."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import IO, Any

from rich.cells import cell_len

from spine_temporal.definition.params import canonical

#: Spaces between two columns.
_GAP = 2
#: A line that is a command, and a command within a sentence.
_COMMAND = re.compile(r" *spine-temporal ")
_QUOTED = re.compile(r"`spine-temporal [^`]*`")
#: Stands for a space that is no place to wrap at; data never has it.
_NO_BREAK = "\0"
#: What a terminal would obey: every control character but the line feed, which is a place to wrap at.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]+")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table."""

    title: str
    #: Numbers stand right, so that their digits are below each other.
    right: bool = False
    #: Where the row is too wide, this cell stands below it, on a line of its own, to be copied.
    below: bool = False


def width_of(stream: IO[str] | None = None) -> int | None:
    """Return how many columns lines may have; None: any number, as nobody reads them on a terminal."""
    stream = stream or sys.stdout
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    return shutil.get_terminal_size().columns if stream.isatty() else None


def plain(text: Any) -> str:
    """Return data as text that a terminal shows and does not obey."""
    return _CONTROL.sub(" ", str(text))


def paragraph(text: Any, width: int | None, *, indent: str = "", hanging: str | None = None) -> str:
    """Return text wrapped between words; ``hanging`` indents all lines but the first.

    A command is never broken, to be copied: one between backticks, or one that is a line.
    """
    later = indent if hanging is None else hanging
    lines: list[str] = []
    for line in plain(text).split("\n"):
        first = later if lines else indent
        if width is None or _COMMAND.match(line):
            lines.append(first + line)
        else:
            lines += _wrap(_QUOTED.sub(_unbroken, line), width, first, later)
    return "\n".join(lines).replace(_NO_BREAK, " ")


def _unbroken(command: re.Match[str]) -> str:
    return command[0].replace(" ", _NO_BREAK)


def table(columns: Sequence[Column], rows: Iterable[Sequence[Any]], width: int | None, *, indent: str = "") -> str:
    """Return a table with a line of titles; cells are wrapped between words where the width demands it.

    A word longer than its column makes the column wider, be it beyond the width: it stays whole, to be copied.
    """
    cells = [[column.title for column in columns], *([cell(value) for value in row] for row in rows)]
    room = None if width is None else width - len(indent)
    beside = [index for index, column in enumerate(columns) if not column.below]
    if room is None or sum(_needed(cells)) + _GAP * (len(columns) - 1) <= room:
        beside = list(range(len(columns)))
    shown = [columns[index] for index in beside]
    widths = _widths([[row[index] for index in beside] for row in cells], room)
    lines: list[str] = []
    for row in cells:
        lines += _row([row[index] for index in beside], shown, widths)
        lines += [f"  {text}" for index, text in enumerate(row) if index not in beside]
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def cell(value: Any) -> str:  # noqa: PLR0911 - one for each kind
    """Return a value as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.0f}" if value.is_integer() else f"{value:,.6g}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case dict():
            return plain(", ".join(f"{key}={_inner(item)}" for key, item in value.items()))
    return plain(value)


def _inner(value: Any) -> str:
    """Return a value of a partition as it stands in a workflow id."""
    return value if isinstance(value, str) else canonical(value)


def _needed(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width that each column needs for its longest line."""
    by_column = zip(*rows, strict=True)
    return [max(cell_len(line) for text in texts for line in text.split("\n")) for texts in by_column]


def _widths(rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return each column's width: what it needs, less where all together are too wide, never less than a word."""
    by_column = list(zip(*rows, strict=True))
    widths = _needed(rows)
    least = [max((cell_len(word) for text in texts for word in text.split()), default=0) for texts in by_column]
    if width is None:
        return widths
    slack = [width - word for width, word in zip(widths, least, strict=True)]
    excess = sum(widths) + _GAP * (len(widths) - 1) - width
    # As few columns as possible: the one with the most to give first.
    for index in sorted(range(len(widths)), key=lambda index: slack[index], reverse=True):
        given = min(slack[index], max(excess, 0))
        widths[index] -= given
        excess -= given
    return widths


def _row(texts: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> Iterator[str]:
    """Give the lines of a row: as many as its highest cell has."""
    wrapped = [
        [part for line in text.split("\n") for part in _wrap(line, width)]
        for text, width in zip(texts, widths, strict=True)
    ]
    for parts in zip_longest(*wrapped, fillvalue=""):
        cells = zip(parts, columns, widths, strict=True)
        yield (" " * _GAP).join(_padded(part, width, right=column.right) for part, column, width in cells)


def _padded(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def _wrap(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    lines = textwrap.wrap(
        text,
        max(width, 1),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [first]

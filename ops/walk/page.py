"""The pages that a new user follows: the files that they have one write, and the commands with what they print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = _DOCS / "your_own_project.md"
#: In the order in which they are walked.
PAGES = (_DOCS / "quickstart.md", PAGE)

_BLOCK = re.compile(
    r"(?:^\*\*`(?P<path>[^`]+)`\*\*\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
#: A command, with the lines that it goes on in; then the lines that tell what is printed.
_COMMAND = re.compile(r"^(?P<text>(?!#>)(?:.*\\\n)*.+)\n(?P<printed>(?:^#>.*\n)*)", re.MULTILINE)
_EXITS = re.compile(r"# exits (\d+)")
#: What stands for anything else in a line that is printed.
_ANYTHING = "…"


@dataclass(frozen=True, kw_only=True)
class File:
    """A block under a file's name."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """A line of a shell's block, and what the page says of it."""

    text: str
    #: Lines that are printed, in this order; others may stand between.
    printed: list[str] = field(default_factory=list)
    exit_code: int = 0

    def missing(self, output: str) -> str | None:
        """Return the first line that an output lacks, however it is spaced; None: it has them all."""
        output, begin = _spaced(output), 0
        for line in self.printed:
            found = re.compile(".*".join(map(re.escape, _spaced(line).split(_ANYTHING)))).search(output, begin)
            if found is None:
                return line
            begin = found.end()
        return None


def parts(text: str) -> Iterator[File | Command]:
    """Yield what the page has one write and type, from top to bottom."""
    for block in _BLOCK.finditer(text):
        if block["path"]:
            yield File(path=block["path"], text=block["text"])
        elif block["kind"] == "sh":
            yield from map(_command, _COMMAND.finditer(block["text"]))


def _command(found: re.Match[str]) -> Command:
    exits = _EXITS.search(found["text"])
    return Command(
        text=found["text"],
        printed=[line.removeprefix("#>").strip() for line in found["printed"].splitlines()],
        exit_code=int(exits[1]) if exits else 0,
    )


def _spaced(text: str) -> str:
    return re.sub(r"[ \t]+", " ", text)

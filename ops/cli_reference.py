"""Write docs/cli.md: every command, argument and option, from the program itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer import Context
from typer.main import get_command

from spine_temporal.cli.main import app

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
NAME = "spine-temporal"
HEAD = f"""\
# The command line

What `{NAME} --help` says of each command; `make reference` writes it. Exit codes are on
[errors.md](errors.md#exit-codes-of-commands), settings in [the README](../README.md#configured-servers). A service
may have commands of its own, in a `commands.py` of its modules.
"""
#: What typer says of an argument's type in Python.
_TYPE = re.compile(r" <(?:str|Path|list\[\w+\])>$")


def reference() -> str:
    """Return the page."""
    return "\n".join([HEAD, *_index(), *(line for _, path, command in _commands() for line in _part(path, command))])


def _commands(group: Any = None, path: str = NAME, panel: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield each command that does something: its panel, its path and itself."""
    group = group or get_command(app)
    for name, command in group.commands.items():
        place, its = f"{path} {name}", getattr(command, "rich_help_panel", None)
        its = its if isinstance(its, str) else panel
        if hasattr(command, "commands"):
            yield from _commands(command, place, its)
        else:
            yield its, place, command


def _index() -> Iterator[str]:
    for panel in dict.fromkeys(each for each, _, _ in _commands()):
        yield from (f"**{panel}**\n", "| Command | |", "|---|---|")
        for path, command in [(path, command) for its, path, command in _commands() if its == panel]:
            link = f"[`{path.removeprefix(f'{NAME} ')}`](#{path.replace(' ', '-')})"
            yield f"| {link} | {_cell(_sentence(command.help or ''))} |"
        yield ""


def _part(path: str, command: Any) -> Iterator[str]:
    context = Context(command, info_name=path)
    yield f"## {path}\n\n{_text(command.help or '')}\n"
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    records = [param.get_help_record(context) for param in command.get_params(context) if param.name != "help"]
    rows = [(_TYPE.sub("", name), told) for name, told in filter(None, records)]
    if rows:
        yield from ("| | |", "|---|---|")
        yield from (f"| `{_cell(name)}` | {_cell(_text(told))} |" for name, told in rows)
        yield ""


def _sentence(text: str) -> str:
    """Return the first sentence."""
    return f"{_text(text).split('. ')[0].rstrip('.')}."


def _text(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(reference())

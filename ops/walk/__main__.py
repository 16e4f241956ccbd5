"""``make walk``: what a new user does, from an empty machine to a job that Temporal starts, as the pages have it.

Each command is printed with its output; the first that does not do what its page says is the last. It takes Python,
bash and, for pip, a network. Nothing is left behind.
"""

import sys
from pathlib import Path

from ops.ending import end_with
from ops.walk.machine import environment, new_machine
from ops.walk.page import PAGES, Command, File, parts
from ops.walk.shell import Shell, ShellError

#: Seconds that a command may take: the first one to install may have to build and to download.
_LONGEST = 600.0


def main() -> int:
    """Walk the pages; return 0 where everything was as they say."""
    with new_machine() as home:
        shell = Shell(home, environment(home))
        try:
            return next((code for page in PAGES if (code := _walk(shell, page))), 0)
        finally:
            shell.close()


def _walk(shell: Shell, page: Path) -> int:
    for part in parts(page.read_text()):
        try:
            wrong = _write(shell, part) if isinstance(part, File) else _type(shell, part)
        except ShellError as error:
            wrong = str(error)
        if wrong:
            say(f"\nNOT AS {page.name} SAYS: {wrong}")
            return 1
    say(f"\neverything was as {page.name} says")
    return 0


def _write(shell: Shell, file: File) -> str | None:
    """Write a file of the page in the shell's current folder."""
    say(f"\n  writes {file.path}")
    folder, code = shell.run("pwd", _LONGEST)
    path = Path(folder.strip(), file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text)
    return None if code == 0 else "the shell is in no folder"


def _type(shell: Shell, command: Command) -> str | None:
    """Run a command; return what is not as the page says of it."""
    say(f"\n$ {command.text}")
    output, code = shell.run(command.text, _LONGEST)
    if output.strip():
        say(output.rstrip("\n"))
    if code != command.exit_code:
        return f"{command.text!r} has ended with exit code {code}, not {command.exit_code}"
    missing = command.missing(output)
    return None if missing is None else f"{command.text!r} does not print {missing!r}"


def say(text: str) -> None:
    """Print text at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    end_with(main)

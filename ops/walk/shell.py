"""One bash, as a user has it open: it takes a command after the other, and what they leave running ends with it."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

#: Commands come by a descriptor of their own, so that none of them reads the next one as its input.
_LOOP = "while IFS= read -r -d '' line <&{commands}; do eval \"$line\"; printf '\\n{mark} %s\\n' $?; done"
_MARK = "::the command has ended with"


class ShellError(RuntimeError):
    """Raised when a command does not end in time, or takes the shell with it."""


class Shell:
    """A bash in a folder; ``close`` ends whatever was started in it."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        commands, self._commands = os.pipe()
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", _LOOP.format(commands=commands, mark=_MARK)],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(commands,),
            start_new_session=True,
        )
        os.close(commands)

    def run(self, command: str, seconds: float) -> tuple[str, int]:
        """Return what a command prints, and its exit code. Raises ``ShellError``."""
        os.write(self._commands, command.encode() + b"\0")
        output, deadline = "", time.monotonic() + seconds
        while _MARK not in output or not output.endswith("\n"):
            piece = _read(self._output, deadline)
            if not piece:
                why = "has ended the shell" if piece is not None else f"has not ended in {seconds:g} s"
                raise ShellError(f"{command}\n{output}\nthis command {why}")
            output += piece
        printed, _, code = output.rpartition(_MARK)
        return printed.removesuffix("\n"), int(code)

    def close(self, seconds: float = 60) -> None:
        """End the shell and whatever was started in it: asked first, then killed."""
        os.close(self._commands)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._bash.pid, number)
            if self._is_over(seconds):
                break
        self._output.close()

    @property
    def _output(self) -> IO[bytes]:
        assert self._bash.stdout is not None
        return self._bash.stdout

    def _is_over(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._bash.poll()
            try:
                os.killpg(self._bash.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.05)
        return False


def _read(stream: IO[bytes], deadline: float) -> str | None:
    """Return what there is to read, '' at the end, None where nothing comes in time."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(max(deadline - time.monotonic(), 0)):
            return None
    return os.read(stream.fileno(), 1 << 16).decode(errors="replace")

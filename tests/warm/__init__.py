"""Programs that start warm: forked from a process that has the package imported, which spares each a second or two.

A program is as one that was started cold: a process of its own, with its own environment, folder, descriptors, signals
and exit code. The process that is waited for is a launcher in its place, so its pid is another, and a SIGSTOP stops the
launcher alone. What is tested of the program's own start (test_walk.py) starts cold.
"""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spine_temporal.runtime.processes import fork_server
from tests.warm import launcher

_ROOT = Path(__file__).resolve().parents[2]


class Warm:
    """Gives the command lines of programs that start warm."""

    def __init__(self, address: str) -> None:
        self._address = address

    @property
    def bin(self) -> Path:
        """A folder as an environment's: its ``python`` and ``spine-temporal`` start warm what they can."""
        return Path(self._address).parent / "bin"

    @property
    def python(self) -> str:
        """An interpreter that starts scripts and the package's programs warm, and all else as any interpreter does."""
        return str(self.bin / "python")

    def spine(self, *arguments: object) -> list[str]:
        """Return the command line of ``spine-temporal`` with these arguments."""
        return self._command("spine_temporal", (), map(str, arguments))

    def fork_server(self, descriptor: int, *, cold: bool = False) -> list[str]:
        """Return the command line of a worker's fork server."""
        if cold:
            return _cold(descriptor, cold=True)
        return self._command(launcher.FORK_SERVER, (descriptor,), (str(descriptor),))

    def _command(self, program: str, descriptors: Sequence[int], arguments: Iterator[str] | Sequence[str]) -> list[str]:
        numbers = ",".join(map(str, descriptors))
        return [sys.executable, "-I", "-S", launcher.__file__, self._address, program, numbers, *arguments]

    def make_bin(self) -> None:
        """Write the folder ``bin``."""
        self.bin.mkdir()
        for name, command in (("python", self._command(launcher.PYTHON, (), ())), ("spine-temporal", self.spine())):
            (self.bin / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            (self.bin / name).chmod(0o700)
        for program in Path(sys.executable).parent.iterdir():
            if not (self.bin / program.name).exists():
                (self.bin / program.name).symlink_to(program)


_cold = fork_server.command


@contextmanager
def warm_programs() -> Iterator[Warm]:
    """Start the process that programs are forked from, for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address = f"{folder}/socket"
        programs = Warm(address)
        programs.make_bin()
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.warm.server", address],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield programs
        finally:
            server.communicate()

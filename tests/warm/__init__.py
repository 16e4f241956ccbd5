"""Programs that start warm: forked from a process that has the package imported, which spares each a second or two.

A program is as one that was started cold: a process of its own, with its own environment, folder, descriptors, signals
and exit code. The process that is waited for is a launcher in its place, so its pid is another. What is tested of the
program's own start (the README's lines, the demo, the walk) starts cold.
"""

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


_cold = fork_server.command


@contextmanager
def warm_programs() -> Iterator[Warm]:
    """Start the process that programs are forked from, for the time of the block."""
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        address = f"{folder}/socket"
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
            yield Warm(address)
        finally:
            server.communicate()

"""How long until the first step: of the command line's help, and of a worker from its process's start."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from ops.benchmarks.jobs_compared import start_system
from ops.benchmarks.lab import Lab

_ROUNDS = 5
_PROGRAM = str(Path(sys.executable).parent / "spine-temporal")
#: What is started and ends by itself.
_COMMANDS = {
    "`python -c pass`": [sys.executable, "-c", "pass"],
    "`spine-temporal --help`": [_PROGRAM, "--help"],
    "`spine-temporal --version`": [_PROGRAM, "--version"],
}
_SYSTEMS = ("ours", "hand-written, best")


def measure(lab: Lab) -> list[str]:
    """Return the tables."""
    lines = ["| command | ms |", "|---|---|"]
    for name, command in _COMMANDS.items():
        lines.append(f"| {name} | {median(_seconds(command) for _ in range(_ROUNDS)) * 1000:.0f} |")
    lines += [
        "",
        "| worker | from its process's start to polling, ms | first run, ms | tenth, ms |",
        "|---|---|---|---|",
    ]
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in _SYSTEMS}
    for number in range(_ROUNDS):
        print(f"  round {number + 1} of {_ROUNDS}", flush=True)
        for name in _SYSTEMS:
            system = start_system(lab, name)
            runs = system.measure(10).each
            found[name].append((system.ready_after, runs[0], runs[-1]))
            system.stop()
    for name, times in found.items():
        cells = (f"{median(column) * 1000:.0f}" for column in zip(*times, strict=True))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began

"""The report: on which machine, with which versions, and what was found."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from ops.benchmarks.ratios import Ratio, table
from spine_temporal.embedded.temporal_server import TUNED, temporal_program

_PACKAGES = ("spine-temporal", "temporalio", "sqlalchemy", "psycopg", "pydantic", "dbos", "prefect", "dagster")


def machine() -> list[str]:
    """Return what was measured on, as Markdown."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    memory = psutil.virtual_memory().total / 2**30
    server = subprocess.run([temporal_program(), "--version"], capture_output=True, text=True, check=False).stdout
    return [
        f"- {os.cpu_count()} cores ({model}), {memory:.0f} GiB, {platform.system()} {platform.release()}, Python "
        f"{platform.python_version()}",
        f"- {server.strip()}, on a SQLite file, as the product starts it for every system: {TUNED}",
        f"- {', '.join(f'{name} {_version(name)}' for name in _PACKAGES)}",
    ]


def write(path: Path, sections: Sequence[tuple[str, Sequence[str]]], ratios: Sequence[Ratio]) -> None:
    """Write the report; its last block is for scripts."""
    lines = ["# Benchmark", "", *machine()]
    for title, body in sections:
        lines += ["", f"## {title}", "", *body]
    lines += ["", "## Ratios", "", *table(ratios), "", "```", *(ratio.line for ratio in ratios), "```", ""]
    path.write_text("\n".join(lines))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []

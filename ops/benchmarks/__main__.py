"""``make bench``: the job in every system, fans, rows, growth, start-up, a backfill; a report, lines for scripts."""

import argparse
import time
from pathlib import Path

from ops.benchmarks import beside_backfill, cores, fans_compared, growth, jobs_compared, report, rows_compared, startup
from ops.benchmarks.lab import Lab, lab
from ops.benchmarks.ratios import Ratio
from ops.ending import end_with

#: A part's ratios, and its sections of the report: a heading and lines.
Found = tuple[list[Ratio], list[tuple[str, list[str]]]]


def _jobs(made: Lab, options: argparse.Namespace) -> Found:
    ratios, lines = jobs_compared.compare(made, jobs_compared.QUICK if options.quick else jobs_compared.FULL)
    return ratios, [("The five-step job", lines)]


def _fans(made: Lab, options: argparse.Namespace) -> Found:
    ratios, lines = fans_compared.compare(made, options.items, 5)
    return ratios, [("Fans", lines)]


def _rows(made: Lab, options: argparse.Namespace) -> Found:
    rows, rounds = (50_000, 2) if options.quick else (options.rows, 5)
    ratios, lines = rows_compared.compare(made, rows, rounds)
    return ratios, [("A large week", lines)]


def _growth(made: Lab, options: argparse.Namespace) -> Found:
    of_rows = growth.with_rows(made, options.table_rows)
    of_steps = growth.with_steps_and_items(made, options.items)
    ratios, of_runs = growth.with_runs(made, options.runs)
    return ratios, [
        ("Growth with rows", of_rows),
        ("Growth with steps and items", of_steps),
        ("Growth with runs", of_runs),
    ]


def _startup(made: Lab, _options: argparse.Namespace) -> Found:
    return [], [("Start-up", startup.measure(made))]


def _backfill(made: Lab, options: argparse.Namespace) -> Found:
    ratios, lines = beside_backfill.measure(made, pairs=2 if options.quick else 5)
    return ratios, [("Live runs beside a backfill", lines)]


def _cores(made: Lab, options: argparse.Namespace) -> Found:
    ratios, lines = cores.measure(made, rounds=2 if options.quick else 5)
    return ratios, [("Cores", lines)]


PARTS = {
    "jobs": _jobs,
    "fans": _fans,
    "rows": _rows,
    "growth": _growth,
    "startup": _startup,
    "backfill": _backfill,
    "cores": _cores,
}


def main() -> int:
    """Return the exit code: 0, whether or not the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under two minutes: fewer systems, rows and rounds")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure only this; may be given again")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the week that is refreshed")
    parser.add_argument("--items", type=int, default=10_000, help="of the map that is compared")
    parser.add_argument("--runs", type=int, default=20_000, help="that the database grows to")
    parser.add_argument("--table-rows", type=int, default=10_000_000, help="that manifest and anomalies grow to")
    parser.add_argument("--report", type=Path, default=Path("benchmark.md"))
    options = parser.parse_args()
    began = time.monotonic()
    ratios: list[Ratio] = []
    sections: list[tuple[str, list[str]]] = []
    for part in options.only or (["jobs", "rows"] if options.quick else PARTS):
        print(part, flush=True)
        with lab() as made:
            found, told = PARTS[part](made, options)
        ratios += found
        sections += told
    report.write(options.report, sections, ratios)
    print(f"{options.report}: {time.monotonic() - began:.0f} s")
    for ratio in ratios:
        print(ratio.line)
    return 0


if __name__ == "__main__":
    end_with(main)

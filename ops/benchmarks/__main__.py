"""``make bench``: the five-step job in every system, a million rows, growth, start-up; a report, lines for scripts."""

import argparse
import time
from pathlib import Path

from ops.benchmarks import fans_compared, growth, jobs_compared, report, rows_compared, startup
from ops.benchmarks.lab import lab
from ops.benchmarks.ratios import Ratio
from ops.ending import end_with

PARTS = ("jobs", "fans", "rows", "growth", "startup")


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
    parts = options.only or (["jobs", "rows"] if options.quick else list(PARTS))
    began = time.monotonic()
    ratios: list[Ratio] = []
    sections: list[tuple[str, list[str]]] = []
    if "jobs" in parts:
        print("the five-step job", flush=True)
        effort = jobs_compared.QUICK if options.quick else jobs_compared.FULL
        with lab() as made:
            found, lines = jobs_compared.compare(made, effort)
        ratios += found
        sections.append(("The five-step job", lines))
    if "fans" in parts:
        print("fans", flush=True)
        with lab() as made:
            found, lines = fans_compared.compare(made, options.items, 5)
        ratios += found
        sections.append(("Fans", lines))
    if "rows" in parts:
        print("a large week", flush=True)
        rows, rounds = (50_000, 2) if options.quick else (options.rows, 5)
        with lab() as made:
            found, lines = rows_compared.compare(made, rows, rounds)
        ratios += found
        sections.append(("A large week", lines))
    if "growth" in parts:
        print("growth", flush=True)
        with lab() as made:
            sections.append(("Growth with rows", growth.with_rows(made, options.table_rows)))
            sections.append(("Growth with steps and items", growth.with_steps_and_items(made, 10_000)))
            found, lines = growth.with_runs(made, options.runs)
        ratios += found
        sections.append(("Growth with runs", lines))
    if "startup" in parts:
        print("start-up", flush=True)
        with lab() as made:
            sections.append(("Start-up", startup.measure(made)))
    report.write(options.report, sections, ratios)
    print(f"{options.report}: {time.monotonic() - began:.0f} s")
    for ratio in ratios:
        print(ratio.line)
    return 0


if __name__ == "__main__":
    end_with(main)

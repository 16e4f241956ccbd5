"""The five-step job in every system: one run at a time, and many at once; each measured beside ours, in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ops.benchmarks import job
from ops.benchmarks.lab import PARTS, Lab, Measure, System
from ops.benchmarks.ratios import Ratio

_SYSTEMS = "ops.benchmarks.systems"
#: Module and arguments of each system.
MODULES = {
    "ours": ("ours", "job", "JOB"),
    "ours, local": ("ours", "job", "LOCAL"),
    "ours, each step an activity": ("ours", "job", "ACTIVITIES"),
    "hand-written, naive": ("naive",),
    "hand-written, best": ("best",),
    "hand-written, local activities": ("best", "local"),
    "three no-op activities": ("floor",),
    "DBOS": ("dbos_job",),
    "Prefect 3": ("prefect_job",),
    "Dagster": ("dagster_job",),
}
#: What is compared with what: name, system of ours, the other, target for runs a second and for latency.
_PAIRS = (
    ("naive", "ours", "hand-written, naive", 2.0, 2.0),
    ("best", "ours", "hand-written, best", 1.0, 1.0),
    ("noop", "ours", "three no-op activities", 0.9, None),
    ("activities", "ours, each step an activity", "hand-written, best", 1.0, 1.0),
    ("local", "ours, local", "hand-written, local activities", 0.9, None),
    ("dbos_local", "ours, local", "DBOS", 0.8, None),
    ("prefect", "ours", "Prefect 3", 15.0, None),
    ("dagster", "ours", "Dagster", 6.0, None),
)
#: Systems that do about one run a second, one at a time.
_SLOW = {"Prefect 3": 10, "Dagster": 10}
_WITHOUT_ROWS = {"three no-op activities"}


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured."""

    rounds: int
    runs: int
    single_runs: int
    at_once: int
    systems: Sequence[str]


FULL = Effort(rounds=7, runs=200, single_runs=25, at_once=40, systems=tuple(MODULES))
QUICK = Effort(rounds=3, runs=50, single_runs=6, at_once=25, systems=tuple(MODULES)[:-2])


def compare(lab: Lab, effort: Effort) -> tuple[list[Ratio], list[str]]:
    """Return the ratios, and the report's tables. Raises where a system has not left the rows that it must."""
    systems = {name: start_system(lab, name) for name in effort.systems}
    for name, system in systems.items():
        system.measure(3 if name in _SLOW else 30, at_once=1 if name in _SLOW else 10)
    many: dict[str, list[Measure]] = {name: [] for name in systems}
    single: dict[str, list[Measure]] = {name: [] for name in systems}
    for number in range(effort.rounds):
        print(f"  round {number + 1} of {effort.rounds}", flush=True)
        for name, system in systems.items():
            slow = _SLOW.get(name)
            at_once = 1 if name == "Dagster" else effort.at_once
            many[name].append(system.measure(slow or effort.runs, at_once=min(at_once, slow or at_once)))
        for name, system in systems.items():
            single[name].append(system.measure(3 if name in _SLOW else effort.single_runs))
    for name, system in systems.items():
        _require_rows(name, system)
        system.stop()
    return _ratios(many, single), _tables(many, single)


def start_system(lab: Lab, name: str) -> System:
    """Start a system of ``MODULES``."""
    module, *arguments = MODULES[name]
    return lab.system(name, f"{_SYSTEMS}.{module}", *arguments)


def _require_rows(name: str, system: System) -> None:
    if name in _WITHOUT_ROWS:
        return
    manifest = system.rows("SELECT count(*) FROM core_manifest")
    ledger = system.rows("SELECT count(*) FROM core_executions WHERE status = 'COMPLETED'")
    expected = (system.runs * job.MANIFEST_ROWS, system.runs * job.LEDGER_ROWS)
    if (manifest, ledger) != expected:
        raise RuntimeError(f"{name} left {manifest} manifest and {ledger} ledger rows, and not {expected}")


def _ratios(many: dict[str, list[Measure]], single: dict[str, list[Measure]]) -> list[Ratio]:
    found = []
    for name, ours, other, runs_target, latency_target in _PAIRS:
        if other not in many:
            continue
        pairs = zip(many[ours], many[other], strict=True)
        values = tuple(mine.per_second / theirs.per_second for mine, theirs in pairs)
        found.append(
            Ratio(name=f"runs_{name}", values=values, target=runs_target, what=f"runs a second, {ours} : {other}")
        )
        if latency_target is not None:
            pairs = zip(single[ours], single[other], strict=True)
            values = tuple(theirs.latency / mine.latency for mine, theirs in pairs)
            found.append(
                Ratio(name=f"latency_{name}", values=values, target=latency_target, what=f"latency, {other} : {ours}")
            )
    return found


def _tables(many: dict[str, list[Measure]], single: dict[str, list[Measure]]) -> list[str]:
    lines = [
        "| system | runs a second | spread | one run, ms | spread | CPU ms a run: its process | Temporal | Postgres |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, measures in many.items():
        rates = [measure.per_second for measure in measures]
        times = [measure.latency * 1000 for measure in single[name]]
        costs = [median(measure.cpu[part] / measure.runs * 1000 for measure in measures) for part in PARTS]
        lines.append(
            f"| {name} | {median(rates):.1f} | {min(rates):.1f} to {max(rates):.1f} "
            f"| {median(times):.0f} | {min(times):.0f} to {max(times):.0f} | "
            + " | ".join(f"{cost:.1f}" for cost in costs)
            + " |"
        )
    return lines

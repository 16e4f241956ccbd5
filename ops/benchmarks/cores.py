"""What a second core gives to steps that compute, in the worker's processes on one core and two, and in its threads."""

from statistics import median

from ops.benchmarks.lab import Lab
from ops.benchmarks.ratios import Ratio

_SYSTEMS = "ops.benchmarks.systems"
_ONE, _TWO, _THREADS = "one core", "two cores", "two cores, `local=True`"
#: By what is measured: its module, and its workflow of ``computing_jobs``.
_MODULES = {_ONE: ("ours_on_one_core", "PROCESSES"), _TWO: ("ours", "PROCESSES"), _THREADS: ("ours", "THREADS")}
#: Runs of one measure, and how many at once.
_RUNS, _AT_ONCE = 30, 10


def measure(lab: Lab, rounds: int) -> tuple[list[Ratio], list[str]]:
    """Return the ratio of two cores to one, and the report's table."""
    systems = {
        name: lab.system(name, f"{_SYSTEMS}.{module}", "computing_jobs", workflow)
        for name, (module, workflow) in _MODULES.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in systems}
    for number in range(rounds + 1):
        for name, system in systems.items():
            rate = system.measure(_RUNS, at_once=_AT_ONCE).per_second
            rates[name] += [rate] if number else []  # the first warms up
    for system in systems.values():
        system.stop()
    values = tuple(two / one for two, one in zip(rates[_TWO], rates[_ONE], strict=True))
    what = "runs a second of steps that compute, a worker on two cores : on one"
    lines = ["| the worker has | runs a second |", "|---|---|"]
    lines += [f"| {name} | {median(found):.1f} |" for name, found in rates.items()]
    return [Ratio(name="cores", values=values, target=1.5, what=what)], lines

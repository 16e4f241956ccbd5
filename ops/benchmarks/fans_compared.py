"""Work that fans out: twelve steps at once by hand and by us, and the items of a map against DBOS's queue."""

from statistics import median

from ops.benchmarks.lab import Lab
from ops.benchmarks.long_jobs import WIDTH
from ops.benchmarks.ratios import Ratio

_SYSTEMS = "ops.benchmarks.systems"
_OURS = (f"{_SYSTEMS}.ours", "long_jobs")
#: Runs of one measure, and how many at once.
_RUNS, _AT_ONCE = 40, 10


def compare(lab: Lab, items: int, rounds: int) -> tuple[list[Ratio], list[str]]:
    """Return the ratios, and the report's table."""
    parallel, by_us, by_hand = _parallel(lab, rounds)
    mapped, mine, queued = _mapped(lab, items, rounds)
    return [parallel, mapped], [
        "| | a second |",
        "|---|---|",
        f"| runs of {WIDTH} steps at once, ours | {by_us:.1f} |",
        f"| runs of {WIDTH} activities at once, by hand | {by_hand:.1f} |",
        f"| items of a map of {items:,}, ours | {mine:.0f} |",
        f"| workflows of one step in DBOS's queue, {items:,} | {queued:.0f} |",
    ]


def _parallel(lab: Lab, rounds: int) -> tuple[Ratio, float, float]:
    ours, hand = lab.system("parallel", *_OURS, "PARALLEL"), lab.system("fan", f"{_SYSTEMS}.fan")
    pairs = []
    for number in range(rounds + 1):
        pair = [system.measure(_RUNS, at_once=_AT_ONCE).per_second for system in (ours, hand)]
        pairs += [pair] if number else []  # the first warms up
    for system in (ours, hand):
        system.stop()
    mine, theirs = zip(*pairs, strict=True)
    values = tuple(one / other for one, other in pairs)
    what = f"runs a second, Step.parallel of {WIDTH} : by hand at the SDK's defaults"
    return Ratio(name="parallel", values=values, target=1.3, what=what), median(mine), median(theirs)


def _mapped(lab: Lab, items: int, rounds: int) -> tuple[Ratio, float, float]:
    """Measure one map after the other; the number of a run is that of its items, so a run more has an item more."""
    ours, queue = lab.system("map", *_OURS, "ITEMS"), lab.system("queue", f"{_SYSTEMS}.dbos_queue")
    mine, theirs = list[float](), list[float]()
    for system in (ours, queue):
        system.skip_to(100)
        system.measure(1)
        system.skip_to(items)
    for number in range(rounds):
        for system, rates in ((ours, mine), (queue, theirs)):
            rates.append((items + number) / system.measure(1).seconds)
    for system in (ours, queue):
        system.stop()
    values = tuple(one / other for one, other in zip(mine, theirs, strict=True))
    what = f"items a second, map of {items:,} : DBOS's queue of workflows of one step"
    return Ratio(name="map_dbos", values=values, target=3.0, what=what), median(mine), median(theirs)

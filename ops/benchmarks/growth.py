"""What grows with what: cost with runs in the database, with steps and items; memory; queries with rows."""

import time
from collections.abc import Callable
from statistics import median

import psycopg
from sqlalchemy import Connection

from ops.benchmarks.lab import Lab, System, lab
from ops.benchmarks.ratios import Ratio
from spine_temporal.recording.database import Database
from spine_temporal.recording.ledger import Question
from spine_temporal.recording.manifest import WorkManifest
from spine_temporal.recording.triage import UNRESOLVED, list_anomalies

_OURS = "ops.benchmarks.systems.ours"
_JOB = (_OURS, "job", "JOB")
_RUNS = (10, 100, 1_000, 2_000, 10_000, 20_000)
#: Runs of one block, how many at once, and how many pairs of blocks.
_BLOCK, _AT_ONCE, _PAIRS = 60, 40, 5
_STEPS = (5, 50, 500)
_ITEMS = (10, 1_000, 10_000)
_DOMAIN = "workflow.grown"

_FILL_MANIFEST = """
    INSERT INTO core_manifest (domain, partition_key, stage, stage_rank, row_count, updated_at)
    SELECT %(domain)s, jsonb_build_object('number', number), 'COMPLETED', 9, 1, now() + number * interval '1 ms'
    FROM generate_series(%(first)s::bigint, %(last)s) AS number ON CONFLICT DO NOTHING
"""
_FILL_ANOMALIES = """
    INSERT INTO core_anomalies
        (anomaly_id, domain, stage, partition_key, severity, category, message, metadata, fault_id, resolved_at,
         last_seen_at)
    SELECT gen_random_uuid(), 'grown', 'workflow.step', jsonb_build_object('number', number), 'ERROR',
        'WORKFLOW_FAILURE', 'it has failed', jsonb_build_object('workflow', 'grown', 'run_id', number::text),
        gen_random_uuid(), CASE WHEN number %% 10 = 0 THEN NULL ELSE now() END, now() + number * interval '1 ms'
    FROM generate_series(%(first)s::bigint, %(last)s) AS number
"""
_LIST_MANIFEST = """
    SELECT * FROM core_manifest ORDER BY updated_at DESC, domain, partition_key, stage_rank DESC LIMIT 1000
"""


def with_runs(grown: Lab, most: int) -> tuple[list[Ratio], list[str]]:
    """Return cost a run and the worker's memory while the servers fill with runs, beside servers that have few."""
    system = grown.system("grown", *_JOB)
    lines = [
        "| runs in the database | ms a run, all processors | with few, measured in turn | factor | worker, MiB |",
        "|---|---|---|---|---|",
    ]
    memory: dict[int, int] = {}
    factors: tuple[float, ...] = ()
    compared = 0
    for runs in [size for size in _RUNS if size <= most]:
        while system.runs < runs:
            system.measure(min(2_000, runs - system.runs), at_once=_AT_ONCE)
        memory[runs], begun = system.memory(), system.runs
        costs = _beside_few(system)
        if runs <= 10_000:
            compared, factors = runs, tuple(few / many for few, many in costs)
        few, many = (median(column) * 1000 for column in zip(*costs, strict=True))
        lines.append(f"| {begun:,} | {many:.1f} | {few:.1f} | {many / few:.2f} | {memory[runs] / 2**20:.0f} |")
        print(f"  {lines[-1]}", flush=True)
    system.stop()
    last, early = max(memory), min(max(memory), 2_000)
    return [
        Ratio(
            name="growth_runs",
            values=factors,
            target=0.83,
            what=f"CPU a run with few runs in the database : with {compared:,}",
        ),
        Ratio(
            name="memory",
            values=(memory[early] / memory[last],),
            target=0.9,
            what=f"worker's memory after {early:,} runs : after {last:,}",
        ),
    ], lines


def _beside_few(system: System) -> list[tuple[float, float]]:
    """Return pairs of CPU seconds a run: of a system on fresh servers, and of this one."""
    with lab() as fresh:
        few = fresh.system("few", *_JOB)
        few.measure(10)
        pairs = [tuple(one.measure(_BLOCK, at_once=_AT_ONCE).cpu_a_run for one in (few, system)) for _ in range(_PAIRS)]
        few.stop()
    return [(first, second) for first, second in pairs]


def with_steps_and_items(lab: Lab, most_items: int) -> list[str]:
    """Return cost a step with steps, and a second's items with items."""
    lines = ["| steps | ms a step | factor |", "|---|---|---|"]
    first = None
    for steps in _STEPS:
        system = lab.system(f"steps{steps}", _OURS, "long_jobs", f"STEPS_{steps}")
        system.measure(1)
        seconds = median(system.measure(1).seconds for _ in range(5 if steps < 500 else 2)) / steps
        first = first or seconds
        lines.append(f"| {steps} | {seconds * 1000:.1f} | {seconds / first:.2f} |")
        print(f"  {lines[-1]}", flush=True)
        system.stop()
    lines += ["", "| items of a map | items a second | ms an item | factor |", "|---|---|---|---|"]
    first = None
    system = lab.system("items", _OURS, "long_jobs", "ITEMS")
    for items in [count for count in _ITEMS if count <= most_items]:
        seconds = _map(system, items) / items
        first = first or seconds
        lines.append(f"| {items:,} | {1 / seconds:.0f} | {seconds * 1000:.2f} | {seconds / first:.2f} |")
        print(f"  {lines[-1]}", flush=True)
    system.stop()
    return lines


def _map(system: System, items: int) -> float:
    """The number of a run is the number of its items; a second run of it has another partition."""
    system.skip_to(items)
    return system.measure(1).seconds


def with_rows(lab: Lab, most: int) -> list[str]:
    """Return the time of an upsert and of the lists while manifest and anomalies fill with rows."""
    url = lab.database("rows")
    database = Database(url)
    lines = ["| rows in each table | upsert, ms | manifest, ms | anomalies, ms |", "|---|---|---|---|"]
    filled, first = 0, None
    for rows in (10_000, 100_000, 1_000_000, 10_000_000):
        if rows > most:
            break
        _fill(url, filled + 1, rows)
        filled = rows
        with database.begin() as connection:
            times = (
                _timed(connection, _upserted, rows),
                _timed(connection, _manifest_listed, rows),
                _timed(connection, _anomalies_listed, rows),
            )
        first = first or times
        cells = [f"{now * 1000:.2f} ({now / then:.1f}x)" for now, then in zip(times, first, strict=True)]
        lines.append(f"| {rows:,} | " + " | ".join(cells) + " |")
        print(f"  {lines[-1]}", flush=True)
    database.close()
    return lines


def _fill(url: str, first: int, last: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in (_FILL_MANIFEST, _FILL_ANOMALIES):
            connection.execute(statement, {"domain": _DOMAIN, "first": first, "last": last})
        connection.execute("VACUUM ANALYZE core_manifest, core_anomalies")


def _upserted(connection: Connection, number: int) -> None:
    WorkManifest(connection, _DOMAIN, ("COMPLETED",)).advance_to({"number": number}, "COMPLETED")


def _manifest_listed(connection: Connection, _number: int) -> None:
    connection.exec_driver_sql(_LIST_MANIFEST).all()


def _anomalies_listed(connection: Connection, _number: int) -> None:
    list_anomalies(connection, Question(workflow="grown", statuses=UNRESOLVED))


def _timed(connection: Connection, call: Callable[[Connection, int], None], rows: int) -> float:
    """Return the median seconds of a call, for rows that lie far apart."""
    seconds = []
    for number in range(1, rows, max(1, rows // 25)):
        began = time.perf_counter()
        call(connection, number)
        seconds.append(time.perf_counter() - began)
    return median(seconds)

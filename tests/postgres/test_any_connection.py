"""Manifest, anomalies and rejects on what their caller has in hand: SQLAlchemy's connection, psycopg's, Spine's."""

import json
import sqlite3
from contextlib import closing, suppress
from uuid import uuid4

import psycopg
import pytest
from spine.core.anomalies import AnomalyCategory, AnomalyRecorder, Severity
from spine.core.connection import create_connection
from spine.core.manifest import WorkManifest
from spine.core.rejects import Reject, RejectSink
from spine.framework.db import clear_connection_provider, get_connection, set_connection_provider
from spine.framework.pipelines import Pipeline
from sqlalchemy import text

from spine_temporal import SpineError
from spine_temporal.recording.any_connection import executing
from spine_temporal.recording.lending import StepConnection, TransactionEndedError
from spine_temporal.recording.spine_connection import SpineConnection
from spine_temporal.testing.services import PipelineTestServices, run_pipeline

DOMAIN = "workflow.shop.prices"
KEY = {"week_ending": "2025-01-10", "tier": "100%"}
STAGES = ["STARTED", "INGESTED", "COMPLETED"]
# What the page inserts on a failure, in the form of each connection.
INSERT = """
    INSERT INTO core_anomalies (
        anomaly_id, domain, stage, partition_key,
        severity, category, message, detected_at, metadata
    ) VALUES ({})
"""
ROW = (
    str(uuid4()), "shop", "workflow.ingest", json.dumps(KEY), "ERROR", "WORKFLOW_FAILURE", "what? 100%",
    "2025-01-10T12:00:00", json.dumps({"workflow": "shop.prices"}),
)  # fmt: skip


@pytest.fixture(params=["sqlalchemy", "psycopg", "spine"])
def conn(request, engine):
    """One of the three, in a transaction that is rolled back."""
    with engine.connect() as own:
        match request.param:
            case "sqlalchemy":
                yield own
            case "psycopg":
                yield own.connection.driver_connection
            case "spine":
                yield SpineConnection(own)
        own.rollback()


def test_the_manifest_advances_and_is_read(conn):
    manifest = WorkManifest(conn, domain=DOMAIN, stages=STAGES)
    assert manifest.get_latest_stage(KEY) is None
    manifest.advance_to(KEY, "STARTED", execution_id="run")
    manifest.advance_to(KEY, "INGESTED", execution_id="run", row_count=5, error_count=0)
    manifest.advance_to(KEY, "INGESTED", execution_id="run", row_count=6, error_count=1)
    assert [(row.stage, row.row_count, dict(row.metrics)) for row in manifest.get(KEY)] == [
        ("STARTED", None, {}),
        ("INGESTED", 6, {"error_count": 1}),
    ]
    assert (manifest.get_latest_stage(KEY), manifest.has_stage(KEY, "COMPLETED")) == ("INGESTED", False)
    assert manifest.is_at_least(KEY, "STARTED")
    assert not manifest.is_at_least(KEY, "COMPLETED")


def test_a_manifest_compares_its_own_stages_where_a_run_has_written_others_with_their_ranks(conn):
    ran = WorkManifest(conn, domain=DOMAIN, stages=["STARTED", "STEP_INGEST", "STEP_CHECK", "STEP_LOAD"])
    for stage in ("STARTED", "STEP_INGEST", "STEP_CHECK"):
        ran.advance_to(KEY, stage)
    manifest = WorkManifest(conn, domain=DOMAIN, stages=STAGES)
    assert manifest.get_latest_stage(KEY) == "STARTED"
    assert not manifest.is_at_least(KEY, "INGESTED")
    manifest.advance_to(KEY, "COMPLETED")
    assert manifest.get_latest_stage(KEY) == "COMPLETED"
    assert WorkManifest(conn, domain=DOMAIN, stages=()).get_latest_stage(KEY) in {"COMPLETED", "STEP_CHECK"}


def test_a_reject_is_written_once(conn):
    for _ in range(2):
        sink = RejectSink(conn, "shop", "an-execution")
        assert sink.write_batch([Reject("ingest", "BAD_PRICE", "100% wrong?", "a|b", line_number=7)], KEY) == 1
    [row] = executing(conn).execute(text("SELECT reason_code, detail, line_number FROM core_rejects"), {}).mappings()
    assert tuple(row.values()) == ("BAD_PRICE", "100% wrong?", 7)


def test_an_anomaly_is_recorded_and_resolved(conn):
    recorder = AnomalyRecorder(conn, "shop")
    recorder.record("ingest", KEY, Severity.WARN, AnomalyCategory.NETWORK, "slow?", execution_id="e", metadata={"a": 1})
    assert recorder.resolve(KEY, "NETWORK", "100% mended") == 1
    assert recorder.resolve(KEY, "NETWORK", "again") == 0


def test_the_pages_insert_is_written(conn):
    match conn:
        case SpineConnection():
            conn.execute(INSERT.format(", ".join("?" * len(ROW))), ROW)
            found = conn.execute("SELECT message, metadata FROM core_anomalies WHERE anomaly_id = ?", ROW[:1])
        case psycopg.Connection():
            conn.execute(INSERT.format(", ".join(["%s"] * len(ROW))), ROW)
            found = conn.execute("SELECT message, metadata FROM core_anomalies WHERE anomaly_id = %s", ROW[:1])
        case _:
            names = [f"v{number}" for number in range(len(ROW))]
            values = dict(zip(names, ROW, strict=True))
            conn.execute(text(INSERT.format(", ".join(f":{name}" for name in names))), values)
            found = conn.execute(text("SELECT message, metadata FROM core_anomalies WHERE anomaly_id = :v0"), values)
    assert tuple(found.fetchone()) == ("what? 100%", {"workflow": "shop.prices"})


def test_another_databases_connection_is_refused_with_what_to_give():
    with (
        closing(sqlite3.connect(":memory:")) as conn,
        pytest.raises(SpineError, match=r"sqlite3.Connection is no connection to it: give a Connection of SQLAlchemy"),
    ):
        WorkManifest(conn, domain=DOMAIN, stages=STAGES)


class Writing(Pipeline):
    """Writes as pipelines of Spine do: on the connection that the framework gives."""

    def run(self):
        conn = get_connection()
        conn.execute("CREATE TEMP TABLE shop_price (day text, price int)")
        conn.executemany("INSERT INTO shop_price VALUES (?, ?)", [("mon?", 1), ("tue", 2)])
        conn.executemany("INSERT INTO shop_price VALUES (?, ?)", [])
        conn.commit()
        conn.close()
        if self.params.get("rolls_back"):
            get_connection().rollback()
        row = get_connection().execute("SELECT count(*), max(price) FROM shop_price WHERE day LIKE '%?'").fetchone()
        return {"row_count": row[0], "max": row[1]}


def test_in_a_pipeline_spines_connection_is_the_steps_transaction_which_the_step_commits(connection):
    lent = StepConnection(connection)
    assert run_pipeline(Writing, {}, PipelineTestServices(connection=lent)) == {"row_count": 1, "max": 1}
    assert connection.execute(text("SELECT count(*) FROM shop_price")).scalar() == 2
    connection.rollback()
    assert connection.execute(text("SELECT to_regclass('shop_price')")).scalar() is None


def test_in_a_pipeline_a_rollback_is_refused(connection):
    services = PipelineTestServices(connection=StepConnection(connection))
    with pytest.raises(TransactionEndedError):
        run_pipeline(Writing, {"rolls_back": True}, services)


def test_elsewhere_it_is_what_the_application_provides():
    try:
        set_connection_provider(lambda: "mine")
        assert get_connection() == "mine"
    finally:
        clear_connection_provider()


def test_a_connection_of_the_service_takes_question_marks_and_ends_its_own_transactions(database_url, monkeypatch):
    monkeypatch.setenv("SPINE_DATABASE_URL", database_url)
    conn, info = create_connection()
    assert info.backend == "postgresql"
    with conn:
        conn.execute("CREATE TABLE kept (name text)")
        conn.execute("INSERT INTO kept VALUES (?)", ("a",))
    with suppress(ZeroDivisionError), get_connection() as broken:
        broken.execute("INSERT INTO kept VALUES (?)", ("b",))
        raise ZeroDivisionError
    with create_connection(database_url, init_schema=True)[0] as conn:
        assert conn.execute("SELECT name FROM kept").fetchall() == [("a",)]


@pytest.mark.parametrize("url", ["sqlite:///runs.db", "mysql://root:secret@host/db", "runs.db"])
def test_a_url_of_another_database_is_refused_and_not_repeated(url):
    with pytest.raises(SpineError, match=r"connects to Postgres alone.*give postgresql://user") as refused:
        create_connection(url)
    assert "secret" not in str(refused.value)


def test_of_a_server_that_is_away_it_is_told_as_of_ours():
    with pytest.raises(SpineError) as away:
        create_connection("postgresql://spine@127.0.0.1:1/spine")
    assert away.value.category == "DEPENDENCY"

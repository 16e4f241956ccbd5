"""The core's tables, and what is written to them."""

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from spine_temporal import AnomalyRecorder, DefinitionError, SpineError, WorkManifest
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.recording.anomalies import fault_id_of
from spine_temporal.recording.anomaly_life import acknowledge, list_anomalies, resolve
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import require_current, upgrade
from spine_temporal.recording.partitions import claim, holder_of, regain, release, still_holds
from spine_temporal.recording.runs import open_run, request_resume, requested_resume, take_resume
from spine_temporal.recording.tables import metadata
from spine_temporal.runtime.ending import run_stage

KEY = {"week_ending": "2025-11-28", "tier": "OTC"}
STAGES = ["STARTED", "INGESTED", "VALIDATED", "COMPLETED"]


def test_the_migrations_make_the_tables(connection):
    options = {
        "version_table": "core_schema_versions",
        "compare_type": True,
        "compare_server_default": True,
        "include_name": lambda name, kind, _: kind != "table" or (name or "").startswith("core_"),
    }
    context = MigrationContext.configure(connection, opts=options)
    differences = [entry for entry in compare_metadata(context, metadata) if "core_schema_versions" not in str(entry)]
    assert differences == []


def test_an_upgrade_twice_changes_nothing_and_an_empty_database_is_refused(database, servers):
    modules = ("activities", "workflows")
    assert upgrade(database, modules) == upgrade(database, modules)
    require_current(database, modules)
    empty = Database(servers.database_url)
    with pytest.raises(SpineError, match="run `spine-temporal db upgrade`"):
        require_current(empty)
    empty.close()


def test_the_manifest_works_as_in_spine(connection):
    manifest = WorkManifest(connection, domain="workflow.x", stages=STAGES)
    assert manifest.get_latest_stage(KEY) is None
    manifest.advance_to(KEY, "STARTED", execution_id="run-1")
    manifest.advance_to(KEY, "INGESTED", execution_id="run-1", row_count=5, error_count=0)
    manifest.advance_to(KEY, "INGESTED", execution_id="run-1", row_count=6, error_count=1)
    rows = manifest.get({"tier": "OTC", "week_ending": "2025-11-28"})
    assert [(row.stage, row.row_count, row.metrics) for row in rows] == [
        ("STARTED", None, {}),
        ("INGESTED", 6, {"error_count": 1}),
    ]
    assert manifest.get_latest_stage(KEY) == "INGESTED"
    assert manifest.is_at_least(KEY, "STARTED")
    assert not manifest.is_at_least(KEY, "VALIDATED")
    assert manifest.has_stage(KEY, "INGESTED")
    with pytest.raises(DefinitionError, match="stage 'NOPE' is none of domain"):
        manifest.advance_to(KEY, "NOPE")


def test_a_fault_is_one_open_row_that_counts_the_runs_that_met_it(connection):
    recorder, fault = AnomalyRecorder(connection, "d"), fault_id_of("w", KEY, "a", "WORKFLOW_FAILURE")

    def met(run_id, message):
        told = {"workflow": "w", "run_id": run_id}
        recorder.record("workflow.a", KEY, "ERROR", "WORKFLOW_FAILURE", message, told, fault_id=fault)

    query = text("SELECT message, occurrences, resolved_by FROM core_anomalies ORDER BY detected_at")
    for run_id, message in (("r1", "once\x00"), ("r1", "retried"), ("r2", "again")):
        met(run_id, message)
    assert connection.execute(query).all() == [("again", 2, None)]
    assert recorder.supersede(KEY, workflow="w", run_id="r2") == 0
    assert recorder.supersede(KEY, workflow="w", run_id="r3") == 1
    met("r2", "its last activity was repeated")
    assert connection.execute(query).all() == [("again", 2, "r3")]
    met("r4", "a new one")
    assert sorted(connection.execute(query).all()) == [("a new one", 1, None), ("again", 2, "r3")]


def test_anomalies_without_a_fault_are_rows_of_their_own_and_are_resolved_by_category(connection):
    recorder = AnomalyRecorder(connection, "d")
    first = recorder.record("a", KEY, "WARN", "DATA_QUALITY", "one symbol is unknown")
    assert first != recorder.record("a", KEY, "WARN", "DATA_QUALITY", "another symbol is unknown")
    assert recorder.resolve(KEY, "DATA_QUALITY", "added both", by="ann") == 2
    assert recorder.resolve(KEY, "DATA_QUALITY", "added both", by="ann") == 0


def test_a_person_acknowledges_and_resolves_an_anomaly_by_the_beginning_of_its_id(connection):
    anomaly = str(AnomalyRecorder(connection, "d").record("a", KEY, "WARN", "DATA_QUALITY", "one symbol is unknown"))
    acknowledge(connection, anomaly[:8], by="ann")
    assert [(row["state"], row["acknowledged_by"]) for row in list_anomalies(connection)] == [("acknowledged", "ann")]
    resolve(connection, anomaly, by="ben", reason="the symbol was added")
    assert list_anomalies(connection) == []
    assert [row["resolved_by"] for row in list_anomalies(connection, with_resolved=True)] == ["ben"]
    for wrong, message in ((anomaly, "is resolved already"), ("0" * 36, "of no anomaly"), ("%", "is no anomaly id")):
        with pytest.raises(SpineError, match=message):
            acknowledge(connection, wrong, by="ann")


def test_a_partition_has_one_holder(connection):
    mine = {"workflow_id": "w/1", "run_id": "r1"}
    assert claim(connection, "d", KEY, **mine)
    assert claim(connection, "d", KEY, **mine)
    assert not claim(connection, "d", KEY, workflow_id="w/2", run_id="r2")
    assert holder_of(connection, "d", KEY).run_id == "r1"
    assert not regain(connection, "d", KEY, workflow_id="w/2", run_id="r2")
    release(connection, "d", KEY, "r1")
    assert regain(connection, "d", KEY, workflow_id="w/2", run_id="r2")
    assert regain(connection, "d", KEY, workflow_id="w/2", run_id="r2")
    assert still_holds(connection, "d", KEY, "r2")
    assert not still_holds(connection, "d", KEY, "r1")
    release(connection, "d", KEY, "r1")
    assert holder_of(connection, "d", KEY).run_id == "r2"
    release(connection, "d", KEY, "r2")
    assert holder_of(connection, "d", KEY) is None


@pytest.mark.parametrize(
    ("statement", "category"),
    [
        ("SELECT 1/0", ErrorCategory.DATA_QUALITY),
        ("SELECT no_such_column", ErrorCategory.CONFIGURATION),
        ("SELECT 'x'::int", ErrorCategory.DATA_QUALITY),
        ("SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(5)", ErrorCategory.TIMEOUT),
        ("SELECT pg_terminate_backend(pg_backend_pid())", ErrorCategory.DEPENDENCY),
    ],
)
def test_a_database_error_has_the_category_of_its_sqlstate(database, statement, category):
    with pytest.raises(SpineError) as error, database.begin() as connection:
        connection.exec_driver_sql(statement)
    assert error.value.category is category


@pytest.mark.parametrize(
    ("line", "category"),
    [("not a number\n", ErrorCategory.DATA_QUALITY), (None, ErrorCategory.DEPENDENCY)],
)
def test_an_error_of_the_driver_itself_is_classified_as_well(database, line, category):
    with pytest.raises(SpineError) as error:
        _copy(database, line)
    assert error.value.category is category


def _copy(database, line):
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE numbers (number int)")
        driver = connection.connection.driver_connection
        with driver.cursor().copy("COPY numbers FROM STDIN") as copy:
            if line is None:
                _end_session(database, driver.info.backend_pid)
            copy.write(line or "1\n")


def _end_session(database, pid):
    with database.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": pid})


def test_a_transaction_whose_process_is_frozen_does_not_hold_others_up_for_ever(database):
    with database.begin() as connection:
        limit = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
    assert limit == "30s"


def test_a_resume_is_for_one_run_which_finds_it_again(connection):
    run = {"workflow": "w", "domain": "d", "partition": KEY, "params": {}, "plan": "{}", "temporal": "here"}
    stage = run_stage("STARTED", 0, "r1")
    open_run(connection, run_id="r1", workflow_id="w/1", started_at=datetime.now(UTC), stage=stage, **run)
    assert requested_resume(connection, run_id="r1", asked_by="r2") is None
    request_resume(connection, "r1", {"run_id": "r1"})
    assert requested_resume(connection, run_id="r1", asked_by="r2") == {"run_id": "r1"}
    assert requested_resume(connection, workflow_id="w/1", asked_by="r2") == {"run_id": "r1"}
    take_resume(connection, "r1", taken_by="r2")
    assert requested_resume(connection, run_id="r1", asked_by="r2") == {"run_id": "r1"}
    assert requested_resume(connection, run_id="r1", asked_by="r3") is None
    request_resume(connection, "r1", {"run_id": "r1", "start_from": "a"})
    assert requested_resume(connection, run_id="r1", asked_by="r3") == {"run_id": "r1", "start_from": "a"}
    request_resume(connection, "r1", None)
    assert requested_resume(connection, run_id="r1", asked_by="r3") is None

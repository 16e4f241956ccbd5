"""The core's tables, and what is written to them."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from spine_temporal import AnomalyRecorder, DefinitionError, SpineError, WorkManifest
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import require_current, upgrade
from spine_temporal.recording.partitions import claim, holder_of, release
from spine_temporal.recording.tables import metadata

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


def test_an_anomaly_with_the_same_id_is_one_row_and_can_be_resolved(connection):
    recorder = AnomalyRecorder(connection, "d")
    first = recorder.record("workflow.a", KEY, "ERROR", "WORKFLOW_FAILURE", "once\x00")
    recorder.record("workflow.a", KEY, "ERROR", "WORKFLOW_FAILURE", "twice", anomaly_id=first)
    assert connection.execute(text("SELECT message FROM core_anomalies")).scalars().all() == ["twice"]
    assert recorder.resolve(KEY, "WORKFLOW_FAILURE", "by run 2") == 1
    assert recorder.resolve(KEY, "WORKFLOW_FAILURE", "by run 3") == 0


def test_a_partition_has_one_holder(connection):
    mine = {"workflow_id": "w/1", "run_id": "r1"}
    assert claim(connection, "d", KEY, **mine)
    assert claim(connection, "d", KEY, **mine)
    assert not claim(connection, "d", KEY, workflow_id="w/2", run_id="r2")
    assert holder_of(connection, "d", KEY).run_id == "r1"
    assert claim(connection, "d", KEY, workflow_id="w/2", run_id="r2", closed_run_id="r1")
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

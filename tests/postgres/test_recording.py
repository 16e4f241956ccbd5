"""The core's tables, and what is written to them."""

import json
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from spine_temporal import AnomalyRecorder, DefinitionError, SpineError, WorkManifest
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.step_outcome import Completed
from spine_temporal.recording.anomalies import fault_id_of
from spine_temporal.recording.database import Database
from spine_temporal.recording.ended_runs import _forget_sent_back
from spine_temporal.recording.executions import Execution, complete_execution, open_execution
from spine_temporal.recording.fence import Acknowledged, ClaimLostError, StateLostError, require_fence
from spine_temporal.recording.ledger import Question
from spine_temporal.recording.migrate import require_current, upgrade
from spine_temporal.recording.partitions import claim, claim_of, release, take_over
from spine_temporal.recording.resume_requests import request_resume, requested_resume, take_resume, withdraw_resume
from spine_temporal.recording.run_lifecycle import NewRun, close_run, open_run, reopen_run
from spine_temporal.recording.runs import run_of
from spine_temporal.recording.tables import metadata
from spine_temporal.recording.triage import acknowledge, list_anomalies, resolve
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


def test_a_schema_that_is_newer_by_additions_alone_is_worked_on_and_any_other_is_refused(database):
    with database.begin() as connection:
        connection.execute(
            text("UPDATE core_schema_versions SET version_num = 'core_9' WHERE version_num LIKE 'core%'")
        )
    for call in (require_current, upgrade):
        with pytest.raises(SpineError, match="is at core_9, which this build does not know"):
            call(database, ("activities",))
    with database.begin() as connection:
        connection.execute(text("INSERT INTO core_schema_floors VALUES ('core_9', 'core_8')"))
    with pytest.raises(SpineError, match=r"does not accept builds of core_\d+"):
        require_current(database, ("activities",))
    with database.begin() as connection:
        connection.execute(text("UPDATE core_schema_floors SET floor = 'core_0004'"))
    require_current(database, ("activities",))
    assert upgrade(database, ("activities",))[0] == "core_9"
    with database.begin() as connection:
        connection.execute(
            text("UPDATE core_schema_versions SET version_num = 'finra_otc_0001' WHERE version_num LIKE 'f%'")
        )
    with pytest.raises(SpineError, match="not up to date"):
        require_current(database, ("activities",))


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


def completed(connection, run_id):
    """Let a run of the workflow complete the partition; its own row matters to nobody here."""
    key = RunKey(run_id=run_id, workflow="w", workflow_id="w/1", domain="d", partition=KEY)
    end = {"status": "COMPLETED", "completed_at": datetime.now(UTC), "result": "{}", "stages": (), "forgotten": ()}
    close_run(connection, key, **end, resolves=True)


def test_a_fault_is_one_open_row_that_counts_the_runs_that_met_it(connection):
    recorder, fault = AnomalyRecorder(connection, "d"), fault_id_of("w", KEY, "a", "WORKFLOW_FAILURE")

    def met(run_id, message):
        told = {"workflow": "w", "run_id": run_id}
        recorder.record("workflow.a", KEY, "ERROR", "WORKFLOW_FAILURE", message, told, fault_id=fault)

    query = text("SELECT message, occurrences, resolved_by FROM core_anomalies ORDER BY detected_at")
    for run_id, message in (("r1", "once\x00"), ("r1", "retried"), ("r2", "again")):
        met(run_id, message)
    assert connection.execute(query).all() == [("again", 2, None)]
    completed(connection, "r2")
    assert connection.execute(query).all() == [("again", 2, None)]
    completed(connection, "r3")
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
    assert [row["resolved_by"] for row in list_anomalies(connection, Question())] == ["ben"]
    for wrong, message in ((anomaly, "is resolved already"), ("0" * 36, "of no anomaly"), ("%", "is no anomaly id")):
        with pytest.raises(SpineError, match=message):
            acknowledge(connection, wrong, by="ann")


def _key(run_id, **changes):
    given = {"run_id": run_id, "workflow": "w", "workflow_id": f"w/{run_id}", "domain": "d", "partition": KEY}
    return RunKey(**{**given, **changes})


def _begun(connection, key):
    """Begin a run as `begin` does; return its key under its epoch."""
    key = key.with_epoch(claim(connection, key).epoch)
    run = NewRun(key=key, params={}, plan="{}", started_at=datetime.now(UTC), temporal="here", first_run_id=key.run_id)
    open_run(connection, run, run_stage("STARTED", 0, key.run_id))
    return key


def _ended(connection, key):
    now = datetime.now(UTC)
    return close_run(connection, key, status="FAILED", completed_at=now, result="{}", stages=[], forgotten=[])


def test_a_partition_has_one_holder_and_each_claim_takes_the_next_epoch(connection):
    first = _key("r1").with_epoch(claim(connection, _key("r1")).epoch)
    assert claim(connection, _key("r1")).epoch == first.epoch
    assert claim(connection, _key("r2")) is None
    release(connection, "workflow.w", KEY, "r2")
    assert claim_of(connection, "workflow.w", KEY).run_id == "r1"
    release(connection, "workflow.w", KEY, "r1")
    assert claim_of(connection, "workflow.w", KEY).run_id is None
    assert claim(connection, _key("r2")).epoch > first.epoch


def test_nothing_is_known_of_a_partition_that_nobody_has_claimed_and_the_manifest_has_not(connection):
    assert claim(connection, _key("r1")).is_new
    assert not claim(connection, _key("r1")).is_new  # its first answer was lost
    release(connection, "workflow.w", KEY, "r1")
    assert not claim(connection, _key("r2")).is_new
    connection.execute(text("DELETE FROM core_partitions"))  # as before partitions had rows that stay
    WorkManifest(connection, "workflow.w", STAGES).advance_to(KEY, "COMPLETED", execution_id="r0")
    assert not claim(connection, _key("r1")).is_new


def test_only_the_run_of_the_newest_epoch_passes_the_fence(connection):
    first = _begun(connection, _key("r1"))
    require_fence(connection, first)
    assert _ended(connection, first)
    with pytest.raises(ClaimLostError, match="nobody holds it"):
        require_fence(connection, first)
    second = _begun(connection, _key("r2"))
    with pytest.raises(ClaimLostError, match="run r2 of workflow id 'w/r2' has it"):
        require_fence(connection, first)
    require_fence(connection, second)
    with pytest.raises(ClaimLostError, match="under epoch"):
        require_fence(connection, second.with_epoch(second.epoch - 1))


def test_a_run_that_the_database_does_not_know_passes_no_fence(connection):
    with pytest.raises(StateLostError, match="does not know the row of run r9"):
        require_fence(connection, _key("r9"))
    key = _begun(connection, _key("r1"))
    with pytest.raises(StateLostError, match="does not know 2 of 2 completed or sent back executions of run r1"):
        require_fence(connection, key, Acknowledged(executions=2))
    with pytest.raises(StateLostError, match=r"does not know the end of sub-runs \(r7\) of run r1"):
        require_fence(connection, key, Acknowledged(sub_runs=("r7",)))
    with pytest.raises(StateLostError, match=r"does not know steps that were taken from other runs \(r8\) of run r1"):
        require_fence(connection, key, Acknowledged(kept={"r8": 1}))


def test_a_database_that_knows_what_was_taken_from_another_run_passes_the_fence(connection):
    done = Execution(key=_begun(connection, _key("r1")), step="a", pipeline="p", params={})
    open_execution(connection, done)
    complete_execution(connection, done, output={}, completed_at=datetime.now(UTC), stages=[])
    require_fence(connection, done.key, Acknowledged(kept={"r1": 1}))
    with pytest.raises(StateLostError, match="taken from other runs"):
        require_fence(connection, done.key, Acknowledged(kept={"r1": 2}))


def test_what_every_step_asks_is_planned_once_and_not_for_each_step(connection):
    key = _begun(connection, _key("r1"))
    for number in range(20):  # the driver prepares a statement after five, and Postgres makes five plans for it
        execution = Execution(key=key, step=f"s{number}", pipeline="p", params={})
        open_execution(connection, execution, patience=5.0, acknowledged=Acknowledged(executions=number))
        complete_execution(connection, execution, output={}, completed_at=datetime.now(UTC), stages=[])
        require_fence(connection, key, Acknowledged(executions=number))
    plans = connection.execute(text("SELECT custom_plans, generic_plans FROM pg_prepared_statements")).all()
    assert [custom for custom, _ in plans] == [5, 5, 5], plans


def test_a_pipeline_has_only_as_long_as_any_other_between_its_last_statement_and_its_commit(connection):
    execution = Execution(key=_begun(connection, _key("r1")), step="a", pipeline="p", params={})
    limits = []
    for call in (
        lambda: open_execution(connection, execution),
        lambda: complete_execution(connection, execution, output={}, completed_at=datetime.now(UTC), stages=[]),
    ):
        call()
        limits.append(connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar())
    assert limits == ["0", "30s"]


def test_what_was_sent_back_is_forgotten_with_the_steps_within_it(connection):
    names = {"steps": [{"name": "a"}, {"name": "p", "steps": [{"name": "inner"}]}, {"name": "z"}]}
    outcomes = {name: Completed(step=name) for name in ("a", "p", "inner", "z")}
    key = _begun(connection, _key("r1"))
    connection.execute(
        text("UPDATE core_runs SET plan = CAST(:plan AS jsonb), correction = CAST(:told AS jsonb)"),
        {"plan": json.dumps(names), "told": json.dumps({"start_from": "p"})},
    )
    _forget_sent_back(outcomes, run_of(connection, key.run_id))
    assert list(outcomes) == ["a"]


def test_a_reset_run_takes_its_partition_again_from_the_state_that_it_saw_and_from_no_other(connection):
    first = _begun(connection, _key("r1"))
    _ended(connection, first)
    reset = _key("r1", execution="r1-reset")
    seen = claim_of(connection, "workflow.w", KEY).epoch
    between = _begun(connection, _key("r2"))
    _ended(connection, between)
    assert take_over(connection, reset, seen) is None
    reset = reset.with_epoch(take_over(connection, reset, claim_of(connection, "workflow.w", KEY).epoch))
    assert reset.epoch > between.epoch
    with pytest.raises(ClaimLostError):
        require_fence(connection, reset)  # its row has ended
    assert reopen_run(connection, reset)
    require_fence(connection, reset)
    with pytest.raises(ClaimLostError, match="the run has taken it again"):
        require_fence(connection, first)
    _ended(connection, reset)
    late = reset.with_epoch(take_over(connection, reset, reset.epoch))
    assert not reopen_run(connection, late)  # this very execution has recorded its end


def test_an_epoch_never_comes_back_in_a_database_that_was_restored(connection):
    before = _begun(connection, _key("r1"))
    connection.execute(text("DELETE FROM core_partitions"))
    connection.execute(text("DELETE FROM core_runs"))
    assert _begun(connection, _key("r2")).epoch > before.epoch


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


def _requested(connection, request_id, by="ann", patience=60.0):
    options = {"run_id": "r1", "request_id": request_id}
    return request_resume(connection, "r1", request_id=request_id, by=by, options=options, patience=patience)


def test_a_run_is_resumed_by_one_at_a_time_and_its_request_is_taken_by_the_run_that_was_reset_for_it(connection):
    _begun(connection, _key("r1"))
    assert requested_resume(connection, "w/r1", "one") is None
    assert _requested(connection, "one")
    assert not _requested(connection, "two", by="ben")
    assert requested_resume(connection, "w/r1", "one")["request_id"] == "one"
    assert requested_resume(connection, "w/r1", "two") is None
    assert take_resume(connection, "r1", "one", taken_by="r2", first_run_id="f2")
    assert take_resume(connection, "r1", "one", taken_by="r2", first_run_id="f2")  # its first answer may have been lost
    assert not take_resume(connection, "r1", "one", taken_by="r3", first_run_id="f3")
    withdraw_resume(connection, "r1", "one")
    assert requested_resume(connection, "w/r1", "one") is not None
    assert not _requested(connection, "three")


def test_an_abandoned_request_to_resume_expires_and_one_that_failed_is_withdrawn(connection):
    _begun(connection, _key("r1"))
    assert _requested(connection, "one", patience=-1)
    assert _requested(connection, "two", by="ben")
    assert requested_resume(connection, "w/r1", "one") is None
    assert not take_resume(connection, "r1", "one", taken_by="r2", first_run_id="f2")
    withdraw_resume(connection, "r1", "one")
    assert not _requested(connection, "three")
    withdraw_resume(connection, "r1", "two")
    assert _requested(connection, "three")

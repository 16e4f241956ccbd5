"""What runs come to on a real server, and the rows that they leave."""

from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from spine_temporal import ParamsError, WorkflowStatus
from tests.temporal import jobs

STAGES = "SELECT stage, stage_rank, row_count FROM core_manifest ORDER BY stage_rank"
REFUSED = """
    SELECT stage, metadata ->> 'failure_category', metadata ->> 'workflow_id', metadata ->> 'run_id' FROM core_anomalies
"""
NOBODY = "SELECT count(run_id) FROM core_partitions"


async def test_a_run_completes_and_every_stage_is_in_the_manifest(service):
    result = await service.execute(jobs.GATED)
    assert result.status is WorkflowStatus.COMPLETED
    assert result.completed_steps == ["ingest", "validate", "normalize"]
    assert result.outputs["validate"] == {"validated": True, "row_count": 5000}
    assert service.rows(STAGES) == [
        ("STARTED", 0, None),
        ("STEP_INGEST", 1, 5000),
        ("STEP_VALIDATE", 2, None),
        ("STEP_NORMALIZE", 3, None),
        ("COMPLETED", 4, None),
    ]
    assert service.rows("SELECT step, status, attempt, row_count FROM core_executions ORDER BY started_at") == [
        ("ingest", "COMPLETED", 1, 5000),
        ("normalize", "COMPLETED", 1, None),
    ]
    assert service.rows(NOBODY) == [(0,)]


async def test_three_pipelines_and_two_gates_schedule_an_activity_per_pipeline_only(service):
    result = await service.execute(jobs.GATED)
    history = await service.client.client.get_workflow_handle(
        service.rows("SELECT workflow_id FROM core_runs")[0][0], run_id=result.run_id
    ).fetch_history()
    scheduled = [event for event in history.events if event.HasField("activity_task_scheduled_event_attributes")]
    names = [event.activity_task_scheduled_event_attributes.activity_type.name for event in scheduled]
    assert names == ["jobs.count", "jobs.wrapped"]


async def test_a_failing_gate_fails_the_run_with_its_category_and_message(service):
    params = {"rows": 10, "test": uuid4().hex}
    handle = await service.client.start(jobs.GATED, params)
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.handle.result()
    assert failure.value.cause.type == "QUALITY_GATE"
    assert "Too few records ingested" in failure.value.cause.message
    assert (await handle.handle.describe()).status is WorkflowExecutionStatus.FAILED
    result = await handle.result()
    assert (result.status, result.error_step) == (WorkflowStatus.FAILED, "validate")
    assert result.error_category == "QUALITY_GATE"
    assert result.completed_steps == ["ingest"]
    assert result.outputs["ingest"]["row_count"] == 10
    assert service.rows(STAGES) == [("STARTED", 0, None), ("STEP_INGEST", 1, 10), ("FAILED", 4, None)]
    anomalies = service.rows(
        "SELECT domain, stage, severity, category, message, metadata ->> 'workflow', metadata ->> 'run_id', "
        "metadata ->> 'failure_category' FROM core_anomalies"
    )
    assert anomalies == [
        (
            "jobs",
            "workflow.validate",
            "ERROR",
            "WORKFLOW_FAILURE",
            "Too few records ingested",
            "jobs.gated",
            result.run_id,
            "QUALITY_GATE",
        )
    ]
    assert service.rows(NOBODY) == [(0,)]


async def test_the_same_params_twice_are_one_runs_work_and_one_result(service):
    params = {"test": uuid4().hex}
    first = await service.client.execute(jobs.GATED, params)
    before = [
        service.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
        for table in ("core_manifest", "core_executions", "core_runs", "core_anomalies")
    ]
    second = await service.client.execute(jobs.GATED, params)
    after = [
        service.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
        for table in ("core_manifest", "core_executions", "core_runs", "core_anomalies")
    ]
    assert second == first.model_copy(update={"reused": True})
    assert after == before
    assert service.rows(NOBODY) == [(0,)]


async def test_force_runs_a_complete_partition_again(service):
    params = {"test": uuid4().hex}
    first = await service.client.execute(jobs.GATED, params)
    second = await service.client.execute(jobs.GATED, params, force=True)
    assert second.status is WorkflowStatus.COMPLETED
    assert second.run_id != first.run_id
    assert service.rows("SELECT count(*) FROM core_runs") == [(2,)]


@pytest.mark.parametrize(
    ("then", "category", "words"),
    [
        ("raise", "INTERNAL", "KeyError: 'row_count'"),
        ("big", "CONFIGURATION", "'blob'"),
        ("not_json", "CONFIGURATION", "'rows'"),
        ("nan", "CONFIGURATION", "'rate'"),
        ("rows", "CONFIGURATION", "returned a list"),
        ("quality", "DATA_QUALITY", "TRUNCATED: the file is cut off"),
        ("sql", "DATA_QUALITY", "division by zero"),
    ],
)
async def test_a_failing_pipeline_leaves_its_error_and_none_of_its_rows(service, then, category, words):
    result = await service.execute(jobs.WRITES, {"then": then})
    assert (result.status, result.error_category) == (WorkflowStatus.FAILED, category)
    assert words in result.error
    assert service.rows("SELECT category FROM core_anomalies") == [("WORKFLOW_FAILURE",)]
    attempts = 3 if category == "INTERNAL" else 1
    assert service.rows("SELECT status, attempt FROM core_executions") == [("FAILED", attempts)]


async def test_a_transient_failure_is_tried_again_until_it_succeeds(service):
    result = await service.execute(jobs.FLAKY)
    assert result.status is WorkflowStatus.COMPLETED
    assert result.outputs["try"] == {"tries": 3}
    assert service.rows("SELECT status, attempt FROM core_executions") == [("COMPLETED", 3)]


async def test_a_failure_that_the_run_goes_past_makes_it_partial_with_a_warning(service):
    result = await service.execute(jobs.CONTINUES, {"rows": 1})
    assert result.status is WorkflowStatus.PARTIAL
    assert result.failed_steps == ["validate"]
    assert result.completed_steps == ["ingest", "normalize"]
    assert service.rows("SELECT severity, category FROM core_anomalies") == [("WARN", "STEP_FAILURE")]


@pytest.mark.parametrize(("full", "ran", "skipped"), [(True, "full", "incremental"), (False, "incremental", "full")])
async def test_a_choice_runs_one_branch_and_both_meet_again(service, full, ran, skipped):
    result = await service.execute(jobs.ROUTED, {"full_refresh": full})
    assert result.completed_steps == ["route", ran, "report"]
    assert result.skipped_steps == [skipped]


@pytest.mark.parametrize(
    ("gate", "category", "words"),
    [
        ("raise", "INTERNAL", "KeyError: 'row_count'"),
        ("clock", "CONFIGURATION", "datetime.datetime.now"),
        ("file", "CONFIGURATION", "open"),
        ("none", "CONFIGURATION", "returned None"),
        ("dict", "CONFIGURATION", "returned a dict"),
        ("back", "CONFIGURATION", "which is no later step"),
        ("set", "CONFIGURATION", "'symbols'"),
    ],
)
async def test_a_gate_that_does_wrong_fails_its_step_and_never_the_workflow_task(service, gate, category, words):
    result = await service.execute(jobs.ODD, {"gate": gate})
    assert (result.status, result.error_step, result.error_category) == (WorkflowStatus.FAILED, "odd", category)
    assert words in result.error


async def test_a_gate_may_route_forward(service):
    result = await service.execute(jobs.ODD)
    assert (result.completed_steps, result.skipped_steps) == (["odd", "last"], ["passed_over"])


async def test_a_dry_run_runs_no_pipeline_and_writes_no_row(service):
    params = {"test": uuid4().hex}
    result = await service.client.execute(jobs.GATED, params, dry_run=True)
    assert result.is_dry_run is True
    for table in ("core_manifest", "core_executions", "core_runs", "core_anomalies", "core_partitions"):
        assert service.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    real = await service.client.execute(jobs.GATED, params)
    assert real.completed_steps == ["ingest", "validate", "normalize"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([5], "params of 'jobs.gated' must be a JSON object, not int"),
        ([["a"]], "must be a JSON object"),
        ([{"text": "a\0b"}], "NUL"),
        ([{}, {"forse": True}], "unknown run option 'forse'"),
        ([{}, {"force": "yes"}], "run option 'force' is wrong"),
        ([{}, []], "run options must be a JSON object"),
        ([{}, {}, {}], "takes two arguments"),
    ],
)
async def test_a_wrong_start_fails_at_once_with_a_message_and_leaves_an_anomaly_alone(service, arguments, words):
    handle = await service.client.client.start_workflow(
        "jobs.gated", args=arguments, id=uuid4().hex, task_queue=service.client.task_queue,
        execution_timeout=timedelta(seconds=20),
    )  # fmt: skip
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert failure.value.cause.type == "CONFIGURATION"
    assert words in failure.value.cause.message
    assert service.rows("SELECT count(*) FROM core_runs") == [(0,)]
    assert service.rows(NOBODY) == [(0,)]
    assert service.rows(REFUSED) == [("workflow", "CONFIGURATION", handle.id, handle.result_run_id)]


async def test_a_refused_start_is_an_anomaly_with_its_params_and_without_their_secrets(service):
    params = {"password": "hunter2", "url": "postgresql://ann:hunter2@db/x", "rows": 3, "text": "a\x00b"}
    handle = await service.client.client.start_workflow(
        "jobs.gated", args=[params], id=uuid4().hex, task_queue=service.client.task_queue
    )
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    [(shown, message)] = service.rows("SELECT partition_key, message FROM core_anomalies")
    assert "NUL" in message
    assert shown == {"password": "***", "url": "postgresql://ann:***@db/x", "rows": 3, "text": "a\\x00b"}


async def test_each_start_of_a_workflow_without_params_is_a_run_of_its_own(service):
    runs = [await service.client.execute(jobs.GATED) for _ in range(2)]
    assert [run.status for run in runs] == ["COMPLETED", "COMPLETED"]
    assert runs[0].run_id != runs[1].run_id
    assert not runs[1].reused
    assert service.rows("SELECT count(*) FROM core_runs") == [(2,)]


async def test_with_an_empty_partition_every_start_is_the_same_work(service):
    runs = [await service.client.execute(jobs.ONE_PARTITION) for _ in range(2)]
    assert runs[0].run_id == runs[1].run_id
    assert [run.reused for run in runs] == [False, True]


async def test_a_completed_partition_whose_input_has_changed_is_done_again(service, tmp_path):
    file, params = tmp_path / "input", {"test": uuid4().hex, "file": str(tmp_path / "input")}
    file.write_text("one")
    first = await service.client.execute(jobs.READS, params)
    again = await service.client.execute(jobs.READS, params)
    assert (again.run_id, again.reused) == (first.run_id, True)
    file.write_text("two")
    changed = await service.client.execute(jobs.READS, params)
    assert (changed.run_id != first.run_id, changed.reused) == (True, False)
    assert changed.outputs["read"] == {"text": "two"}
    file.unlink()
    gone = await service.client.execute(jobs.READS, params)
    assert (gone.run_id, gone.reused) == (changed.run_id, True)


async def test_a_start_without_anything_but_the_type_works(service):
    handle = await service.client.client.start_workflow(
        "jobs.gated", id=uuid4().hex, task_queue=service.client.task_queue
    )
    assert (await handle.result())["status"] == "COMPLETED"


async def test_a_second_run_of_a_held_partition_is_busy_and_a_dead_holder_is_taken_over(service, temporal, database):
    held = uuid4().hex
    await temporal.start_workflow("jobs.gated", {"test": held}, id=held, task_queue=f"nobody-{held}")
    description = await temporal.get_workflow_handle(held).describe()
    service.rows(
        "WITH run AS (INSERT INTO core_runs "
        "(run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at) "
        "VALUES (:run, :key, 'jobs.gated', 'workflow.jobs.gated', jsonb_build_object('test', CAST(:key AS text)), "
        "'{}', '{}', 'RUNNING', now())) "
        "INSERT INTO core_partitions (domain, partition_key, workflow_id, run_id) "
        "VALUES ('workflow.jobs.gated', jsonb_build_object('test', CAST(:key AS text)), :key, :run) RETURNING 1",
        key=held, run=description.run_id,
    )  # fmt: skip
    busy = await service.client.execute(jobs.GATED, {"test": held})
    assert (busy.status, busy.error_category) == (WorkflowStatus.FAILED, "PARTITION_BUSY")
    assert held in busy.error
    await temporal.get_workflow_handle(held).terminate()
    assert (await service.client.execute(jobs.GATED, {"test": held})).status is WorkflowStatus.COMPLETED
    assert service.rows(NOBODY) == [(0,)]


async def test_an_unknown_workflow_type_ends_with_a_message(service):
    handle = await service.client.client.start_workflow(
        "jobs.nobody", id=uuid4().hex, task_queue=service.client.task_queue
    )
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert "unknown workflow 'jobs.nobody'" in failure.value.cause.message
    assert service.rows(REFUSED) == [("workflow", "CONFIGURATION", handle.id, handle.result_run_id)]


async def test_progress_and_search_attributes_tell_of_the_run(service):
    params = {"test": uuid4().hex, "rows": 3}
    handle = await service.client.start(jobs.GATED, params)
    await handle.result()
    progress = await handle.progress()
    assert progress.status is WorkflowStatus.FAILED
    attributes = (await handle.handle.describe()).typed_search_attributes
    found = {pair.key.name: pair.value for pair in attributes}
    assert found["SpineDomain"] == "jobs"
    assert found["SpineOutcome"] == "QUALITY_GATE"
    assert f"test={params['test']}" in found["SpinePartition"]


async def test_other_params_for_the_same_partition_are_refused(serve):
    from tests.temporal import partitioned

    async with serve(partitioned.BY_DAY) as service:
        day = uuid4().hex
        await service.client.execute(partitioned.BY_DAY, {"day": day, "rows": 1})
        refused = await service.client.execute(partitioned.BY_DAY, {"day": day, "rows": 2})
        assert (refused.status, refused.error_category) == (WorkflowStatus.FAILED, "CONFIGURATION")
        assert "PARAMS_MISMATCH" in refused.error
        assert "rows" in refused.error
        with pytest.raises(ParamsError, match="param 'rows'"):
            await service.client.execute(partitioned.BY_DAY, {"day": day, "rows": "many"})
        with pytest.raises(ParamsError, match=r"unknown param 'rowz'.*did you mean 'rows'"):
            await service.client.execute(partitioned.BY_DAY, {"day": day, "rowz": 1})
        with pytest.raises(ParamsError, match="param 'day' is missing"):
            await service.client.execute(partitioned.BY_DAY, {})

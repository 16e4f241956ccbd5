"""``spine-temporal replay``: a build that would break runs in flight is refused before it is deployed."""

import asyncio
import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio import workflow as temporal
from temporalio.exceptions import ApplicationError
from typer.testing import CliRunner

from spine_temporal import SpineClient
from spine_temporal.cli import main
from spine_temporal.client.backfills import Backfills
from spine_temporal.definition.errors import SpineError
from spine_temporal.machine.step_outcome import Completed
from spine_temporal.operating.lateness.messages import LATENESS, LatenessRequest
from spine_temporal.operating.notifications.deliver_workflow import Deliver
from spine_temporal.operating.registration import operating_activities, operating_types, operating_workflows
from spine_temporal.replaying.corpus import matching, open_and_recent
from spine_temporal.replaying.histories import read_histories
from spine_temporal.replaying.replay import replay_all
from spine_temporal.runtime.definitions import definitions_of, load_definitions
from spine_temporal.runtime.worker import running_worker
from spine_temporal.settings import Settings
from spine_temporal.translation import calls
from spine_temporal.translation.step_runner import StepRunner
from tests.temporal import backfilled, jobs, vocabulary
from tests.temporal.replaying import WORKFLOWS

HISTORIES = Path(__file__).parent / "histories"
#: The workflow of the golden histories, edited as people edit: other gates, thresholds, steps, order.
EDITED = """
from spine_temporal import Step, StepResult, Workflow

def enough(ctx, config):
    raise ValueError("rewritten")

GATED = Workflow(name="jobs.gated", domain="elsewhere", version=7, steps=[
    Step.lambda_("validate", enough, {"least": 5_000_000}),
    Step.pipeline("normalize", "jobs.wrapped"),
    Step.pipeline("added", "jobs.count"),
    Step.pipeline("ingest", "jobs.count", {"rows": 1}, timeout=5)])
"""


@pytest.fixture
def command(monkeypatch):
    """Run ``replay`` in this process, with the code as a test has changed it."""
    monkeypatch.setenv("SPINE_MODULES", "tests.temporal.jobs,tests.temporal.vocabulary,tests.temporal.approved")

    def run(*arguments):
        ended = CliRunner(env={"COLUMNS": "400"}).invoke(main.app, ["replay", *map(str, arguments)])
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return ended.exit_code, ended.stdout

    return run


def golden(*names):
    return [HISTORIES / f"{name}.json" for name in names]


def test_the_code_as_it_is_replays_every_golden_history(command):
    code, told = command(HISTORIES)
    count = len([*HISTORIES.glob("*.json")])
    assert (code, told) == (
        0,
        f"{count} of {count} histories replay, 0 of open runs: this code goes on with them\n",
    )


def test_a_build_that_asks_for_a_timer_before_each_pipeline_is_refused(command, monkeypatch):
    run_pipeline = calls.run_pipeline

    async def delayed(request, **options):
        await temporal.sleep(1)
        return await run_pipeline(request, **options)

    monkeypatch.setattr(calls, "run_pipeline", delayed)
    code, told = command(*golden("completed", "dry_run"))
    assert code == 1
    assert "DIVERGES" in told
    assert "completed.json (jobs.gated, run " in told
    assert (
        "at step 'ingest', event 7: the history has activity jobs.count of step 'ingest', "
        "and the code asks for timer instead" in told
    )
    assert "1 of 2 histories do not replay: keep workers of the old code until such runs" in told


def test_a_build_that_leaves_verdicts_out_is_refused_also_where_the_gate_had_failed(command, monkeypatch):
    async def passes(_runner, step, _again):
        return Completed(step=step.name)

    monkeypatch.setattr(StepRunner, "_evaluate", passes)
    code, told = command("--json", *golden("gate_shown", "choice"))
    assert code == 1
    divergences = [each["divergence"] for each in json.loads(told)]
    assert [(each["step"], each["asked"]) for each in divergences] == [
        ("validate", "activity jobs.wrapped of step 'normalize'"),
        ("route", "activity jobs.count of step 'incremental'"),
    ]


def test_a_build_that_raises_at_a_step_is_refused_with_what_it_raises(command, monkeypatch):
    async def broken(_runner, _step, _again):
        raise ValueError("a new fault")

    monkeypatch.setattr(StepRunner, "_evaluate", broken)
    code, told = command(*golden("completed"))
    assert code == 1
    assert "the code asks for the end of the run as failed (a new fault) instead" in told


async def test_the_products_own_workflows_are_replayed_too():
    names = sorted(path.stem for path in HISTORIES.glob("operating_*.json"))
    replayed = await replay_all(read_histories(golden(*names)), definitions_of([]))
    assert {each.history.workflow for each in replayed} == operating_types()
    assert [(each.skipped, each.problem) for each in replayed] == [("", "")] * len(names)


@pytest.mark.parametrize(
    ("name", "kind", "asked"),
    [
        ("operating_backfill", "activity", "spine.backfill.tend"),
        ("operating_backfill_changed", "activity", "spine.backfill.change"),
        ("operating_deliver", "activity", "spine.send"),
        ("operating_scheduled", "child workflow", "timed.weekly"),
    ],
)
def test_a_build_that_asks_for_something_else_in_one_of_them_is_refused(command, tmp_path, name, kind, asked):
    content = (HISTORIES / f"{name}.json").read_text().replace(f'"name": "{asked}"', '"name": "another"')
    (tmp_path / "changed.json").write_text(content)
    code, told = command(HISTORIES / f"{name}.json", tmp_path)
    assert code == 1
    assert f"DIVERGES {tmp_path / 'changed.json'} (spine." in told
    assert re.search(f": the history has {kind} another.*, and the code asks for {kind} {asked}.* instead", told)
    assert "1 of 2 histories do not replay" in told


def test_a_build_that_does_not_continue_as_new_any_more_is_refused(command, monkeypatch):
    async def goes_on(_workflow):
        raise ApplicationError("too long")

    monkeypatch.setattr(Deliver, "_go_on_anew", goes_on)
    code, told = command(*golden("operating_deliver_continued"))
    assert code == 1
    assert "the history has the end of the run as continued as new" in told


@pytest.mark.parametrize("name", ["completed", "gate_failed", "gate_shown"])
async def test_a_build_with_edited_gates_steps_and_order_passes(tmp_path, monkeypatch, name):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "edited_gates.py").write_text(EDITED)
    (replayed,) = await replay_all(read_histories(golden(name)), load_definitions(["edited_gates"]))
    assert not replayed.failed


async def test_a_history_of_a_workflow_that_the_code_has_no_more_fails_where_runs_of_it_may_be_open():
    without = definitions_of([jobs.ROUTED])
    unknown, known = await replay_all(read_histories(golden("completed", "choice")), without)
    assert (unknown.is_unknown, unknown.failed, known.failed) == (True, True, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is no history of a run: it is empty"),
        ("{", "is no history of a run: Expecting property name"),
        ('{"events": []}', "it does not begin with the start of a run"),
        ("[]", "is no history of a run"),
        ('{"rows": 3}', "is no history of a run"),
    ],
)
def test_a_file_that_is_no_history_is_named(tmp_path, content, words):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(SpineError, match=r"a\.json .*temporal workflow show") as refused:
        read_histories([tmp_path])
    assert words in str(refused.value)


def test_nothing_replayed_is_no_success(command, tmp_path):
    with pytest.raises(SpineError, match="nothing was replayed: these files hold no history"):
        command(tmp_path)
    with pytest.raises(SpineError, match="there is no file or folder"):
        command(tmp_path / "nowhere")
    with pytest.raises(SpineError, match="files and --query or --last do not go together"):
        command(HISTORIES, "--last", 3)


def test_a_run_that_is_not_ours_is_skipped_and_alone_is_nothing(command, tmp_path):
    content = (HISTORIES / "completed.json").read_text().replace("jobs.gated", "theirs")
    events = json.loads(content)["events"][:4]
    (tmp_path / "theirs.json").write_text(json.dumps({"events": events}))
    with pytest.raises(SpineError, match=r"1 skipped: 'theirs' is no Spine workflow"):
        command(tmp_path)
    shutil.copy(HISTORIES / "completed.json", tmp_path)
    code, told = command(tmp_path)
    assert (code, told.splitlines()[0]) == (0, "1 skipped: 'theirs' is no Spine workflow")


async def test_a_run_that_starts_later_is_skipped_and_not_waited_for(elsewhere):
    """Its history is one event, of which a Replayer never answers."""
    await elsewhere.start_workflow("jobs.gated", {}, id="later", task_queue="later", start_delay=timedelta(hours=1))
    found = []
    while not found:
        found = [history async for history in open_and_recent(elsewhere, ["jobs.gated"], last=1)]
    (replayed,) = await replay_all(found, definitions_of([jobs.GATED]))
    assert (replayed.skipped, replayed.failed) == ("the run has not begun", False)


async def test_an_open_backfill_is_replayed_and_what_has_ended_takes_no_room_from_runs(elsewhere, database):
    backfilled.forget()
    definitions = definitions_of([backfilled.BACKFILLED])
    options = {
        "in_process": True,
        "workflows": operating_workflows(),
        "activities": operating_activities(elsewhere, database, definitions, Settings()),
    }
    async with running_worker(elsewhere, database, definitions, task_queue="filled", max_activities=5, **options):
        await SpineClient(elsewhere, task_queue="filled").execute(backfilled.BACKFILLED, {"shard": 1})
        await elsewhere.execute_workflow(LATENESS, LatenessRequest(), id="judging", task_queue="filled")
        backfills = Backfills(elsewhere, database, task_queue="filled")
        backfill = await backfills.start(await backfills.plan(backfilled.BACKFILLED, {"shard": [900]}), max_parallel=1)
        expected = [("spine.backfill", True), ("test.backfilled", False), ("test.backfilled", True)]
        for _ in range(100):
            found = [history async for history in open_and_recent(elsewhere, definitions.workflows, last=1)]
            if sorted((each.workflow, each.is_open) for each in found) == expected:
                break
            await asyncio.sleep(0.1)
        replayed = await replay_all(found, definitions)
        backfilled.GO_ON.set()
        await backfill.result()
    assert sorted((each.history.workflow, each.history.is_open) for each in replayed) == expected
    assert [(each.skipped, each.problem) for each in replayed] == [("", "")] * 3


async def test_the_open_and_the_recent_runs_of_a_namespace_are_replayed(elsewhere, database):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE mended (test text)"))
    definitions = definitions_of(WORKFLOWS.values())
    async with running_worker(elsewhere, database, definitions, task_queue="replayed", max_activities=5):
        client = SpineClient(elsewhere, task_queue="replayed")
        for number in range(2):
            await client.execute(jobs.GATED, {"test": number})
        held = await client.start(vocabulary.HELD, {"test": "held"})
        while True:
            found = [history async for history in open_and_recent(elsewhere, definitions.workflows, last=1)]
            if [history.is_open for history in found] == [True, False] and len(found[0].events.events) > 8:
                break
            await asyncio.sleep(0.1)
        replayed = await replay_all(found, definitions)
        await held.handle.terminate()
    assert [(each.history.workflow, each.failed) for each in replayed] == [
        ("vocabulary.held", False),
        ("jobs.gated", False),
    ]
    with pytest.raises(SpineError, match="Temporal refuses the query 'Nonsense = 1'"):
        [history async for history in matching(elsewhere, "Nonsense = 1", last=1)]

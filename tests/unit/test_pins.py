"""Pins: a change of what a workflow asks of Temporal is told with what it means for runs in flight."""

import pytest
from typer.testing import CliRunner

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.cli import main
from spine_temporal.definition.errors import SpineError
from spine_temporal.machine import paths
from spine_temporal.machine.machine import advance
from spine_temporal.machine.paths import command_paths
from spine_temporal.machine.planning import plan_of
from spine_temporal.pins.changes import Effect, Names, changes_of
from spine_temporal.pins.checking import checked_pins
from spine_temporal.pins.pin import file_of, pin_of, read_pin
from spine_temporal.runtime.definitions import load_definitions
from tests.conftest import ROOT

NAMES = Names(pipelines={"p.load", "p.sum", "p.notify"}, workflows={"w", "item"})


def ok(_ctx, _config):
    return StepResult.ok()


def never(_ctx):
    return False


LOAD, CHECK, SUM = (
    Step.pipeline("load", "p.load"),
    Step.lambda_("check", ok, {"least": 3}),
    Step.pipeline("sum", "p.sum"),
)


def workflow(*steps, **options):
    return Workflow(name="w", steps=list(steps or (LOAD, CHECK, SUM)), **options)


def changes(before, after, names=NAMES):
    return [(change.step, change.effect) for change in changes_of(pin_of(before), pin_of(after), names)]


def test_the_paths_are_all_pass_each_branch_and_each_failure_that_asks_for_more():
    branching = workflow(
        Step.choice("route", never, then_step="full", else_step="small"),
        Step.pipeline("full", "p.load"),
        Step.pipeline("small", "p.load"),
        Step.choice("again", never, then_step="sum"),
        SUM,
        Step.lambda_("last", ok, on_error="HOLD"),
        on_failure=[Step.pipeline("notify", "p.notify")],
    )
    found = command_paths(plan_of(branching))
    assert [path for path in found if not path.endswith("fails")] == ["all pass", "route: no", "again: no"]
    assert found["route: no"][:3] == ("route: choice", "small: pipeline p.load", "again: choice")
    assert found["again: no"] == ("route: choice", "full: pipeline p.load", "again: choice", "last: lambda", "finish")
    assert found["sum fails"] == ("notify: pipeline p.notify", "finish")
    assert found["last fails"] == ("hold last",)


def test_what_leaves_the_commands_as_they_are_leaves_the_pin_as_it_is():
    edited = workflow(
        Step.pipeline("load", "p.load", {"rows": 1}, timeout=9, stage="LOADED"),
        Step.lambda_("check", never, {"least": 9}),
        SUM,
        version=9,
        domain="other",
    )
    assert pin_of(workflow()).text() == pin_of(edited).text()


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (workflow(), []),
        (workflow(LOAD, CHECK, Step.wait("rest", 1), SUM), [("rest", Effect.NONE)]),
        (workflow(CHECK, LOAD, SUM), [("check", Effect.NONE)]),
        (workflow(LOAD, SUM), [("check", Effect.WAITS)]),
        (workflow(LOAD, Step.lambda_("look", ok), SUM), [("check", Effect.WAITS), ("look", Effect.NONE)]),
        (workflow(LOAD, Step.choice("check", never, then_step="sum"), SUM), [("check", Effect.WAITS)]),
        (workflow(LOAD, CHECK), [("sum", Effect.NONE)]),
        (workflow(LOAD, CHECK, Step.pipeline("sum", "p.load")), [("sum", Effect.NONE)]),
        (workflow(LOAD, CHECK, Step.pipeline("sum", "p.sum", local=True)), [("sum", Effect.NONE)]),
        (workflow(on_failure=[Step.pipeline("notify", "p.notify")]), [("notify", Effect.NONE)]),
    ],
)
def test_a_change_of_steps_is_told_with_what_it_means_for_runs_in_flight(after, told):
    assert changes(workflow(), after) == told


def test_a_pipeline_or_a_sub_workflow_that_is_gone_is_told_where_a_run_in_flight_will_ask_for_it():
    item = Workflow(name="item", steps=[LOAD, CHECK])
    before = workflow(LOAD, Step.workflow("inner", item))
    without = Names(pipelines=set(), workflows={"w"})
    assert changes(before, workflow(CHECK), without) == [
        ("load", Effect.WAITS),
        ("inner", Effect.FAILS),
        ("check", Effect.NONE),
    ]


def test_params_that_code_computed_are_waited_for():
    before = workflow(Step.pipeline("load", "p.load", lambda ctx: {}), SUM)
    (change,) = changes_of(pin_of(before), pin_of(workflow(LOAD, SUM)), NAMES)
    assert (change.step, change.effect) == ("load", Effect.WAITS)
    assert "was pipeline p.load (computed) and is pipeline p.load" in change.what


def test_a_machine_that_asks_for_something_else_on_the_same_plan_breaks_runs_in_flight(monkeypatch):
    both = workflow(LOAD, Step.parallel("both", [CHECK, SUM]))
    pinned = pin_of(both)

    def last_first(state, event):
        after, commands = advance(state, event)
        return after, tuple(reversed(commands))

    monkeypatch.setattr(paths, "advance", last_first)
    (change, *_) = changes_of(pinned, pin_of(both), NAMES)
    assert change.effect is Effect.DIVERGES
    assert "spine-temporal itself asks 'sum: pipeline p.sum' in place of 'check: lambda'" in change.what
    assert "spine-temporal replay" in change.meaning


def test_a_pin_is_read_as_it_was_written(tmp_path):
    pin = pin_of(workflow(LOAD, Step.parallel("both", [CHECK, SUM], max_concurrency=1), Step.wait("rest", 3)))
    file_of(tmp_path, "w").write_text(pin.text())
    assert read_pin(file_of(tmp_path, "w")) == pin


def test_workflows_that_are_gone_or_not_pinned_are_told(tmp_path):
    file_of(tmp_path, "old").write_text(pin_of(workflow()).text())
    found = checked_pins(tmp_path, ["w"], {"w": workflow()}, NAMES.pipelines, is_all=True)
    assert found["w"][0].what == "it is not pinned"
    assert (found["old"][0].what, found["old"][0].effect) == ("the workflow 'old' is gone", Effect.WAITS)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"plan": {"workflow": "w", "steps": [{"kind": "dance"}]}}'])
def test_a_file_that_is_no_pin_is_named(tmp_path, content):
    (tmp_path / "w.json").write_text(content)
    with pytest.raises(SpineError, match=r"w\.json is no pin: .*delete it"):
        read_pin(tmp_path / "w.json")


def test_a_folder_that_cannot_be_written_in_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("SPINE_MODULES", "tests.temporal.jobs")
    (tmp_path / "file").touch()
    with pytest.raises(SpineError, match=r"pins cannot be written: .*--folder"):
        CliRunner().invoke(main.app, ["pin", "--folder", str(tmp_path / "file" / "pins")], catch_exceptions=False)


def test_the_services_own_workflows_ask_for_what_is_pinned():
    service = load_definitions(["activities", "workflows"])
    names, workflows = sorted(service.workflows), service.workflows_by_name
    assert checked_pins(ROOT / "tests" / "pins", names, workflows, service.pipelines, is_all=True) == {}


def test_the_command_writes_pins_and_checks_them(tmp_path, monkeypatch):
    monkeypatch.setenv("SPINE_MODULES", "tests.temporal.jobs")

    def pin(*arguments):
        return CliRunner().invoke(main.app, ["pin", "--folder", str(tmp_path), *arguments], catch_exceptions=False)

    assert pin("--check").exit_code == 1
    assert pin().exit_code == 0
    assert pin("--check").stdout.startswith("10 workflows ask for what is pinned in ")
    placed = pin("--check", "tests.temporal.jobs:GATED")
    assert (placed.exit_code, placed.stdout) == (0, f"1 workflow asks for what is pinned in {tmp_path}\n")
    path = file_of(tmp_path, "jobs.gated")
    path.write_text(path.read_text().replace("validate", "look_at"))
    told = pin("--check", "jobs.gated")
    assert told.exit_code == 1
    assert (
        "WAITS: step 'look_at' (lambda) is gone: runs in flight that have not passed 'look_at' ask for its code"
        in " ".join(told.stdout.split())
    )
    assert "NONE: step 'validate' (lambda) is new" in told.stdout
    assert "write the pins anew with `spine-temporal pin`" in told.stdout

"""Which workflow a command means, and who serves it."""

import sys

import pytest

from spine_temporal.cli.session import chosen, identified, startable
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.settings import Settings
from tests.conftest import ROOT

NAME = "finra.otc_transparency.weekly_refresh"
THEIRS = "workflows.finra.otc_transparency:WEEKLY_REFRESH"
PLAIN = Settings(project=ROOT)
MODULE = f"""
from spine.orchestration import Step, StepResult, Workflow

CHECK = Step.lambda_("a", lambda ctx, config: StepResult.ok())
MINE = Workflow(name="{NAME}", steps=[CHECK])
OWN = Workflow(name="own", steps=[CHECK])
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The place of another workflow of that name, in a file of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_weekly.py").write_text(MODULE)
    yield f"{tmp_path / 'my_weekly.py'}:"
    sys.modules.pop("my_weekly", None)


@pytest.mark.parametrize("text", [NAME, THEIRS, "workflows/finra/otc_transparency.py:WEEKLY_REFRESH"])
def test_a_workflow_of_the_modules_is_theirs_however_it_is_named(text, monkeypatch):
    monkeypatch.chdir(ROOT)
    settings, workflow = chosen(PLAIN, text)
    assert settings == PLAIN
    assert (startable(PLAIN, text), workflow.name) == ((PLAIN, workflow), NAME)


def test_its_runs_are_their_workers_too():
    assert identified(PLAIN, f"{THEIRS}/week_ending=2025-01-10") == (PLAIN, f"{NAME}/week_ending=2025-01-10")


def test_another_of_its_name_is_served_on_a_queue_of_its_own_and_is_not_left_to_their_workers(mine):
    settings, workflow = chosen(PLAIN, f"{mine}MINE")
    assert [step.name for step in workflow.steps] == ["a"]
    assert settings.task_queue == f"spine-runner/{NAME}"
    assert identified(PLAIN, f"{mine}MINE/day=1") == (settings, f"{NAME}/day=1")
    with pytest.raises(DefinitionError, match=f"configured modules have another workflow '{NAME}' than .*MINE"):
        startable(PLAIN, f"{mine}MINE")


def test_one_that_they_do_not_have_may_be_left_to_workers_that_load_it(mine):
    settings, workflow = startable(PLAIN, f"{mine}OWN")
    assert (settings.task_queue, settings.reference, workflow.name) == ("spine", f"{mine}OWN", "own")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("weekly.py", "'weekly.py' is a file: name the workflow in it too, as weekly.py:NAME"),
        ("finra.weekly", "unknown workflow 'finra.weekly': the loaded modules have finra"),
    ],
)
def test_what_is_neither_is_told(text, told):
    with pytest.raises(DefinitionError) as refused:
        chosen(PLAIN, text)
    assert str(refused.value).startswith(told)

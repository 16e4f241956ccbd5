"""``new`` without a project's modules: questions, what is said where nobody can be asked, and --dry-run."""

import io
import sys

import pytest
import typer

from spine_temporal.cli import new
from spine_temporal.definition.errors import ParamsError, SpineError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def answers(monkeypatch):
    """Sit at a terminal and give these answers; see the questions."""
    given, questions = [], []

    def prompt(question, default, err):
        questions.append((question, default, err))
        return given.pop(0)

    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", prompt)
    return given, questions


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


FILES = [
    "p/.gitignore",
    "p/activities/prices/daily.py",
    "p/activities/prices/migrations/versions/prices_0001.py",
    "p/data/prices/daily/2026-01-05.csv",
    "p/docs/prices/daily.md",
    "p/pyproject.toml",
    "p/tests/test_prices_daily.py",
    "p/workflows/prices/daily.py",
]


def test_what_a_flag_does_not_say_is_asked_for(folder, answers):
    given, questions = answers
    given += ["p", "prices.daily", "week_ending"]
    new.project()
    assert written(folder) == FILES
    assert "week_ending: datetime.date" in (folder / "p/workflows/prices/daily.py").read_text()
    assert questions == [
        ("Folder of the project", None, True),
        ("Its first workflow, as domain.operation", None, True),
        ("The param that says which day a run works on", "day", True),
    ]


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ({}, "DIR"),
        ({"folder": "p"}, "--workflow"),
        ({"folder": "p", "workflow": "prices.daily"}, "--partition-by"),
    ],
)
def test_nobody_is_asked_without_a_terminal(folder, monkeypatch, arguments, missing):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    if "folder" in arguments:
        arguments |= {"folder": folder / arguments["folder"]}
    with pytest.raises(ParamsError, match=rf"^{missing} is missing, .* give {missing}$"):
        new.project(**arguments)
    assert written(folder) == []


def test_a_dry_run_lists_the_files_and_writes_none(folder, capsys):
    new.project(folder / "p", "prices.daily", "day", dry_run=True)
    assert sorted(capsys.readouterr().out.splitlines()) == FILES
    assert written(folder) == []


def test_a_file_that_exists_is_named_also_by_a_dry_run(folder):
    (folder / "docs" / "prices").mkdir(parents=True)
    (folder / "docs" / "prices" / "daily.md").write_text("mine")
    for dry_run in (True, False):
        with pytest.raises(SpineError, match=r"nothing was written, as there is already .*docs/prices/daily\.md"):
            new.project(folder, "prices.daily", "day", dry_run=dry_run)
    assert written(folder) == ["docs/prices/daily.md"]


def test_a_project_is_not_made_of_one(folder):
    (folder / "spine.toml").write_text("")
    with pytest.raises(SpineError, match=r"is a project already: it has spine\.toml"):
        new.project(folder, "prices.daily", "day")


def test_what_is_next_is_told_beside_the_list(folder, capsys):
    new.project(folder / "my p", "prices.daily", "day")
    assert capsys.readouterr().err.splitlines() == [
        "next:",
        "  cd 'my p'",
        "  spine-temporal check --strict",
        "  python -m pytest",
        "  spine-temporal run prices.daily -p day=2026-01-05",
    ]


def test_a_workflow_belongs_to_a_project(folder):
    with pytest.raises(SpineError, match="there is no project here or above"):
        new.workflow("prices.daily", "day")

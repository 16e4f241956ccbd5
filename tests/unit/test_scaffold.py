"""New projects, workflows and pipelines: names, what is in the way, revisions, and the form of what is written."""

import subprocess
import sys
from pathlib import Path

import pytest

from spine_temporal.definition.errors import ParamsError, SpineError
from spine_temporal.scaffold import (
    NewFile,
    Place,
    dated_param,
    new_name,
    pipeline_files,
    place_in,
    project_files,
    workflow_files,
    write_files,
)
from tests.conftest import ROOT

DAILY = new_name("prices.daily", "workflow")
DAY = dated_param("day")


def test_a_name_has_the_form_that_each_place_needs():
    name = new_name("finra.otc.weekly_refresh", "workflow")
    assert (str(name), name.domain, name.folders) == ("finra.otc.weekly_refresh", "finra.otc", "finra/otc")
    assert (name.table, name.branch) == ("finra_otc_weekly_refresh", "finra_otc")
    assert (name.constant, name.class_name) == ("WEEKLY_REFRESH", "WeeklyRefresh")


def test_a_workflow_is_not_named_as_a_constant_of_its_tests():
    assert new_name("prices.day", "workflow").constant == "DAY_WORKFLOW"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("daily", "the workflow 'daily' has no domain: name it domain.operation, as prices.daily"),
        ("", "has no domain"),
        ("prices.", "is not named domain.operation"),
        ("prices.Daily", "small letters"),
        ("prices.2026", "beginning with a letter"),
        ("prices-x.daily", "is not named domain.operation"),
        ("prices/../x.daily", "is not named domain.operation"),
        ("prices.class", "'class', a word of Python's own"),
        ("import.daily", "'import', a word of Python's own"),
        ("prices.migrations", "'migrations', the name of another part of a domain"),
        ("prices.commands", "'commands', the name of another part of a domain"),
        ("core.daily", "begins as spine-temporal's own tables do"),
        ("core_x.daily", "begins as spine-temporal's own tables do"),
        (f"{'d' * 28}.daily", "has 28 characters, and tables and revisions leave it 27"),
        (f"prices.{'o' * 31}", "has 31 characters, and tables and revisions leave it 30"),
    ],
)
def test_a_name_that_cannot_be_is_refused(text, words):
    with pytest.raises(ParamsError) as refused:
        new_name(text, "workflow")
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Day", "is no name for Python"),
        ("the day", "is no name for Python"),
        ("class", "is no name for Python"),
        ("json", "would hide a name"),
        ("model_day", "would hide a name"),
        ("datetime", "would hide a name"),
    ],
)
def test_a_param_that_cannot_be_is_refused(text, words):
    with pytest.raises(ParamsError) as refused:
        dated_param(text)
    assert words in str(refused.value)


def test_nothing_is_written_where_one_file_exists(tmp_path):
    (tmp_path / "b.txt").write_text("mine")
    files = [NewFile(path=Path(name), text="ours") for name in ("a.txt", "b.txt")]
    with pytest.raises(SpineError) as refused:
        write_files(tmp_path, files)
    assert f"there is already {tmp_path / 'b.txt'}" in str(refused.value)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("b.txt", "mine")]


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ("workflows", "workflows/prices/daily.py"),  # a file where a folder is needed
        ("workflows/prices.py", "workflows/prices/daily.py"),  # a module, which a folder of its name would not reach
        ("workflows/prices/daily/x.py", "workflows/prices/daily.py"),  # a package, which the module would hide
    ],
)
def test_what_an_import_would_find_instead_is_in_the_way(tmp_path, there, wanted):
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("")
    with pytest.raises(SpineError, match="nothing was written, as there is already"):
        write_files(tmp_path, [NewFile(path=Path(wanted), text="")])


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path):
    (tmp_path / "a.txt").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpineError, match="there is already"):
        write_files(tmp_path, [NewFile(path=Path("a.txt"), text="")])


def _revision(place, files):
    [path] = [file.path for file in files if "versions" in file.path.parts]
    write_files(place.folder, files)
    text = (place.folder / path).read_text()
    return path.stem, [line for line in text.splitlines() if line.startswith(("down_revision", "branch_labels"))]


def test_a_domains_revisions_follow_each_other(tmp_path):
    place = Place(folder=tmp_path)
    assert _revision(place, workflow_files(place, DAILY, DAY)) == (
        "prices_0001",
        ["down_revision = None", 'branch_labels = ("prices",)'],
    )
    assert _revision(place, pipeline_files(place, new_name("prices.enrich", "pipeline"), DAY)) == (
        "prices_0002",
        ['down_revision = "prices_0001"', "branch_labels = None"],
    )
    assert _revision(place, workflow_files(place, new_name("orders.daily", "workflow"), DAY))[0] == "orders_0001"


def test_a_revision_follows_the_newest_one_whatever_its_name(tmp_path):
    place = Place(folder=tmp_path)
    folder = tmp_path / "activities" / "prices" / "migrations" / "versions"
    folder.mkdir(parents=True)
    (folder / "first.py").write_text('revision: str = "abc"\ndown_revision: str | None = None\n')
    (folder / "second.py").write_text('revision = "def"\ndown_revision = ("abc",)\n')
    assert _revision(place, workflow_files(place, DAILY, DAY))[1] == ['down_revision = "def"', "branch_labels = None"]


def test_a_domain_with_two_newest_revisions_is_refused(tmp_path):
    folder = tmp_path / "activities" / "prices" / "migrations" / "versions"
    folder.mkdir(parents=True)
    for name in ("abc", "def"):
        (folder / f"{name}.py").write_text(f'revision = "{name}"\ndown_revision = None\n')
    with pytest.raises(SpineError, match="more than one newest revision: abc, def"):
        workflow_files(Place(folder=tmp_path), DAILY, DAY)


@pytest.mark.parametrize(
    "made",
    ["CREATE TABLE prices_daily (", "create table if not exists prices_daily_line(", "create_table('prices_daily',"],
)
def test_a_table_that_a_revision_makes_already_is_refused(tmp_path, made):
    folder = tmp_path / "activities" / "prices" / "migrations" / "versions"
    folder.mkdir(parents=True)
    (folder / "abc.py").write_text(f'revision = "abc"\ndown_revision = None\nSQL = """{made}"""\n')
    place = Place(folder=tmp_path)
    with pytest.raises(
        SpineError, match=r"the table 'prices_daily\w*' is made by .*abc\.py already: take another name"
    ):
        workflow_files(place, DAILY, DAY)
    assert workflow_files(place, new_name("prices.da", "workflow"), DAY)


def test_a_revision_that_cannot_be_read_is_named(tmp_path):
    folder = tmp_path / "activities" / "prices" / "migrations" / "versions"
    folder.mkdir(parents=True)
    (folder / "abc.py").write_text("revision = (\n")
    with pytest.raises(SpineError, match=r"the revision .*abc\.py cannot be read"):
        workflow_files(Place(folder=tmp_path), DAILY, DAY)


def test_code_goes_where_the_settings_load_it_from():
    place = place_in(Path("/p"), ("jobs.activities", "jobs.workflows"), ["checks"], ["pages"])
    paths = {str(file.path) for file in workflow_files(place, DAILY, DAY)}
    assert {"jobs/activities/prices/daily.py", "jobs/workflows/prices/daily.py"} <= paths
    assert {"checks/test_prices_daily.py", "pages/prices/daily.md"} <= paths


def test_a_project_that_loads_no_such_package_is_told_so():
    with pytest.raises(SpineError, match=r"the modules of this project \(jobs\) have no package 'activities'"):
        place_in(Path("/p"), ("jobs",), [], [])


@pytest.mark.parametrize("name", ["prices.daily", "finra.otc.weekly_refresh"])
def test_what_is_written_has_the_form_that_ruff_gives_it(tmp_path, name):
    write_files(tmp_path, project_files(tmp_path, new_name(name, "workflow"), DAY))
    write_files(tmp_path, pipeline_files(Place(folder=tmp_path), new_name("prices.enrich", "pipeline"), DAY))
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--config", str(ROOT / "pyproject.toml"), "--config", f"src=['{tmp_path}']", "--no-cache"]
    assert subprocess.run([*ruff, "format", "--check", *config, tmp_path], check=False).returncode == 0
    told = ["--ignore", "S101,N999,INP001,D103,PLR2004"]  # as this repository has its own tests
    assert subprocess.run([*ruff, "check", *config, *told, tmp_path], check=False).returncode == 0

"""A workflow at a git revision is loaded from that revision's files, and the working tree stays as it is."""

import subprocess

import pytest

from spine_temporal.client.revisions import is_revision, version_at
from spine_temporal.definition.errors import DefinitionError, ParamsError

MODULE = """
from spine_temporal import Step, StepResult, Workflow

print("a module may print")

def check(ctx, config):
    return StepResult.ok()

W = Workflow(name="mine", partition_by=("day",), steps=[Step.lambda_("check", check, {"min_rows": %d})])
"""


def git(folder, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in a folder of a repository, with three revisions: 1,000 rows, 500, and a module that does not load."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "spine.toml").write_text('modules = ["revision_jobs"]')
    git(tmp_path, "init", "-q", "-b", "main")
    for number, source in enumerate((MODULE % 1000, MODULE % 500, "raise ValueError('broken')")):
        (folder / "revision_jobs.py").write_text(source)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", "as it is now")
        git(tmp_path, "tag", f"v{number}")
    (folder / "revision_jobs.py").write_text(MODULE % 5)
    monkeypatch.chdir(folder)
    for name in ("SPINE_MODULES", "SPINE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_each_revision_has_its_own(project):
    old, new = version_at("v0", "mine", project), version_at("v1", "mine", project)
    assert [version.plan.steps[0].config for version in (old, new)] == [{"min_rows": 1000}, {"min_rows": 500}]
    assert old.code == new.code
    assert old.settings["partition_by"] == ["day"]
    assert old.workflows == ("mine",)
    assert (project / "revision_jobs.py").read_text() == MODULE % 5


def test_a_place_is_of_the_revisions_file(project, tmp_path):
    old = version_at("v0", "revision_jobs.py:W", project)
    assert old.plan.steps[0].config == {"min_rows": 1000}
    assert version_at("v1", "revision_jobs:W", project).plan.steps[0].config == {"min_rows": 500}
    with pytest.raises(DefinitionError, match=r"at revision 'v0': module file 'jobs/gone.py' does not exist"):
        version_at("v0", "gone.py:W", project)
    with pytest.raises(ParamsError, match=r"'revision_jobs.py' is a file: name the workflow in it too"):
        version_at("v0", "revision_jobs.py", project)
    with pytest.raises(ParamsError, match="is not in the git repository"):
        version_at("v0", f"{tmp_path.parent}/elsewhere.py:W", project)


def test_what_does_not_load_at_a_revision_is_told_with_the_revision(project):
    with pytest.raises(DefinitionError, match=r"at revision 'v2': module 'revision_jobs' cannot be imported: .*broken"):
        version_at("v2", "mine", project)


def test_a_module_that_ends_its_process_is_told(project):
    (project / "revision_jobs.py").write_text(
        "import os, sys; sys.stderr.write('no more'); sys.stderr.flush(); os._exit(3)"
    )
    git(project, "commit", "-a", "-q", "-m", "as it is now")
    with pytest.raises(DefinitionError, match=r"at revision 'HEAD': .*no more"):
        version_at("HEAD", "mine", project)


def test_only_commits_are_revisions(project, tmp_path, monkeypatch):
    assert [is_revision(name) for name in ("v0", "HEAD", "main", "nope", "--all", "")] == [True] * 3 + [False] * 3
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    assert not is_revision("HEAD")
    with pytest.raises(ParamsError, match="in no git repository"):
        version_at("HEAD", "mine", None)


def test_modules_that_are_not_the_revisions_are_refused(project, tmp_path, monkeypatch):
    elsewhere = tmp_path.parent / f"{tmp_path.name}-installed"
    elsewhere.mkdir()
    (elsewhere / "installed_jobs.py").write_text(MODULE % 7)
    monkeypatch.setenv("SPINE_MODULES", str(elsewhere / "installed_jobs.py"))
    with pytest.raises(DefinitionError, match="which is not the revision's"):
        version_at("v0", "mine", project)

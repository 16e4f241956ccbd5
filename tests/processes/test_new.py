"""``new`` in an empty folder: what it writes passes check, mypy and its own tests, and more can be added.

That a new project also runs with nothing but the wheel is walked by test_walk.py.
"""

import os
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture
def typed(spine_home, tmp_path, warm):
    """Run a program in a folder where this repository's own workflows are in nobody's way."""
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "spine_temporal").symlink_to(ROOT / "spine_temporal")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPINE_")}
    given = {"PYTHONPATH": str(installed), "PYTEST_ADDOPTS": f"-p no:cacheprovider --spine-home {spine_home}"}

    def run(module, *arguments, folder="jobs", code=0):
        (tmp_path / folder).mkdir(exist_ok=True)
        ended = subprocess.run(
            [warm.python, "-m", module, *arguments],
            cwd=tmp_path / folder, env=kept | given, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = ended.stdout + ended.stderr
        assert ended.returncode == code, told[-4000:]
        return told

    return run


@pytest.mark.usefixtures("spine_servers")
def test_a_project_and_what_is_added_to_it_pass_check_and_mypy_and_their_tests(typed):
    typed("spine_temporal", "new", "project", ".", "--workflow", "prices.daily", "--partition-by", "day")
    typed("spine_temporal", "new", "workflow", "prices.weekly", "--partition-by", "week_ending")
    typed("spine_temporal", "new", "pipeline", "prices.enrich", "--partition-by", "day", folder="jobs/docs")
    assert typed("spine_temporal", "check", "--strict") == "nothing found in 2 workflows and 7 modules\n"
    # With the flag that this repository has beside strict, what its own check has cached is not made anew.
    shared = ("--warn-unreachable", "--cache-dir", str(ROOT / ".mypy_cache"))
    assert typed("mypy", *shared) == "Success: no issues found in 11 source files\n"
    plugin = ("-p", "spine_temporal.testing.plugin", "-W", "error:File:UserWarning")  # Alembic's, of a revision
    assert "18 passed" in typed("pytest", "-q", *plugin)


def test_a_name_that_the_project_has_is_refused(typed):
    typed("spine_temporal", "new", "project", ".", "--workflow", "prices.daily", "--partition-by", "day")
    refused = typed("spine_temporal", "new", "pipeline", "prices.load_daily", "--partition-by", "day", code=2)
    assert refused == "error: this project has a pipeline 'prices.load_daily' already: take another name\n"

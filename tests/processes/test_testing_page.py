"""The page on tests: its project, its tests and its commands do what it says."""

import os
import subprocess

import pytest

from ops.walk.page import File, parts
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "testing_your_workflow.md"


@pytest.fixture
def installed(tmp_path_factory):
    """A folder that has the package alone: the repository's own workflows are in nobody's way."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "spine_temporal").symlink_to(ROOT / "spine_temporal")
    return folder


@pytest.mark.timeout(600)
def test_each_file_and_each_command_of_the_page_does_what_it_says(spine_servers, spine_home, installed, tmp_path, warm):
    (tmp_path / "spine.toml").write_text("")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPINE_")} | {
        "PATH": f"{warm.bin}:{os.environ['PATH']}",
        "PYTHONPATH": str(installed),
        "COLUMNS": "200",
        "PYTEST_ADDOPTS": f"-p spine_temporal.testing.plugin -p no:cacheprovider --spine-home {spine_home}",
    }
    for part in parts(PAGE.read_text()):
        if isinstance(part, File):
            path = tmp_path / part.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(part.text)
            continue
        ended = subprocess.run(
            ["bash", "-c", part.text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        told = ended.stdout + ended.stderr
        assert ended.returncode == part.exit_code, f"{part.text}\n{told[-3000:]}"
        assert part.missing(told) is None, f"{part.text}\n{told[-3000:]}"

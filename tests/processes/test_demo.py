"""`make demo`: rows at the first time and at the next, wherever the clone has gone meanwhile."""

import os
import re
import shutil
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture
def clone(short_home):
    """A copy of what the demo runs, in a folder that Postgres's user may pass as it may pass a user's own."""
    short_home.chmod(0o711)
    for room in ("spine_temporal", "activities", "workflows", "domains", "ops"):
        shutil.copytree(ROOT / room, short_home / "clone" / room)
    return short_home / "clone"


def demo(warm, clone, **changes):
    """Run the demo in this clone; return the five rows that it shows."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    ended = subprocess.run(
        [warm.python, "-m", "ops.demo"],
        env=kept | {"HOME": str(clone.parent)} | changes,
        cwd=clone, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return re.findall(r"^  [A-Z]+ +[\d,]+ +\d+ +[\d.]+$", ended.stdout, re.MULTILINE)


def test_it_shows_the_same_rows_again_from_another_folder_and_whatever_is_configured(warm, clone, short_home):
    rows = demo(warm, clone)
    assert len(rows) == 5
    moved = short_home / "elsewhere" / "clone"
    moved.parent.mkdir()
    clone.rename(moved)
    configured = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "SPINE_DATABASE_URL": "postgresql://127.0.0.1:1/none"}
    assert demo(warm, moved, **configured) == rows

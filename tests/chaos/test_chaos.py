"""The short form of the chaos run: workers, Temporal and Postgres die, and every row is as if they had not."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.server
@pytest.mark.timeout(300)
def test_a_disturbed_world_ends_as_its_undisturbed_twin():
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "ops.chaos", "--runs", "30", "--seconds", "25"),
            *("--no-disk", "--schedules", "2000", "--items", "300"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    last = ended.stdout.strip().splitlines()[-1] if ended.stdout else ended.stderr
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    counts = re.fullmatch(r"chaos: (\d+) runs, (\d+) kills, (\d+) rows compared, 0 differences", last)
    assert counts is not None, last
    runs, kills, rows = map(int, counts.groups())
    assert runs >= 30
    assert kills >= 2
    assert rows > 1000

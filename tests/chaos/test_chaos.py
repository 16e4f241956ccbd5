"""The short form of the chaos run: workers, Temporal and Postgres die, and every row is as if they had not."""

import re
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.fixture
def chaos(warm):
    """Run it to its end, its workers start warm; where it is not waited for, tell it to stop, and so its servers."""
    started = []

    def run(*arguments):
        process = subprocess.Popen(
            [warm.python, "-m", "ops.chaos", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        output, errors = process.communicate()
        return process.returncode, output, errors

    yield run
    for process in started:
        process.terminate()
        process.wait()


@pytest.mark.server
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_disturbed_world_ends_as_its_undisturbed_twin(chaos):
    options = {"--runs": 30, "--seconds": 25, "--schedules": 2000, "--items": 300, "--partitions": 110}
    code, output, errors = chaos("--no-disk", *(word for pair in options.items() for word in pair))
    assert code == 0, output[-4000:] + errors[-2000:]
    last = output.strip().splitlines()[-1]
    assert "the operator: " in output
    counts = re.fullmatch(r"chaos: (\d+) runs, (\d+) kills, (\d+) rows compared, 0 differences", last)
    assert counts is not None, last
    runs, kills, rows = map(int, counts.groups())
    assert runs >= 30
    assert kills >= 2
    assert rows > 1000

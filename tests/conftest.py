"""Real servers, one pair for each process that runs tests; a database of its own for whoever asks."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import TIERS
from spine_temporal.recording.database import Database
from spine_temporal.runtime.processes import fork_server
from tests.warm import warm_programs

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = ["spine_temporal.testing.plugin"]
#: The room whose tests start processes of their own.
PROCESSES = ROOT / "tests" / "processes"


def pytest_addoption(parser):
    parser.addoption(
        "--complete",
        action="store_true",
        help="fail a test that would be skipped for want of something on this machine",
    )


def pytest_collection_modifyitems(items):
    """Mark what needs a server, so that `make quick` can leave it out, and what needs the shared folder.

    What is long begins first: at the end no process has it alone.
    """
    for item in items:
        if "shared" in item.fixturenames:
            item.add_marker(pytest.mark.shared)
        if "spine_servers" in item.fixturenames or PROCESSES in item.path.parents:
            item.add_marker(pytest.mark.server)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def absent(request):
    """End a test for want of something that a machine may lack: skipped, or failed where the run must be complete."""
    complete = request.config.getoption("--complete")

    def end(sentence):
        if complete:
            pytest.fail(sentence, pytrace=False)
        pytest.skip(sentence)

    return end


@pytest.fixture(scope="session")
def shared(absent):
    """Find a file or folder that the repository may not hold: FINRA's real files, the page that we implement."""
    folder = Path(os.environ.get("SPINE_SHARED") or ROOT.parent / "shared")

    def find(name):
        if not (folder / name).exists():
            absent(f"{folder / name} is not there: set SPINE_SHARED to the folder that has {name}")
        return folder / name

    return find


@pytest.fixture(scope="session")
def week_file(tmp_path_factory):
    """Write a week of the OTC tier in FINRA's format: the same bytes for the same week and number of rows."""
    folder = tmp_path_factory.mktemp("weeks")

    def write(week_ending, rows=5000):
        path = folder / f"otc_{week_ending}_{rows}.csv"
        if not path.exists():
            write_sample(path, TIERS["OTC"], date.fromisoformat(week_ending), rows)
        return path

    return write


@pytest.fixture(scope="session")
def servers(spine_servers):
    """A Temporal and a Postgres, as the embedded default starts them; beside others, so on ports that are free."""
    return spine_servers


@pytest.fixture(scope="session")
def warm():
    """Programs that start warm, and the fork servers of this process's workers with them."""
    with pytest.MonkeyPatch.context() as patch, warm_programs() as programs:
        patch.setattr(fork_server, "command", programs.fork_server)
        yield programs


@pytest.fixture
def short_home():
    """A home that Postgres's user reaches also where root runs the tests: pytest's own folders are closed to it."""
    with _home() as home:
        yield home


@contextmanager
def _home():
    folder = Path(tempfile.mkdtemp(prefix="spine-test-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(spine_template):
    """The URL of a new, migrated database."""
    with spine_template.copy() as url:
        yield url


@pytest.fixture
def database(database_url):
    """A pool on a new, migrated database."""
    opened = Database(database_url, pool_size=30)
    yield opened
    opened.close()

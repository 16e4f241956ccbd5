"""A workflow is named by its place wherever it is named: FILE.py:NAME, MODULE:NAME."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.conftest import ROOT
from tests.processes.conftest import until

ID = "shop.prices/day=mon"


@pytest.fixture
def shop(tmp_path):
    """The file of a module that was written for Spine, in a folder that is no project's."""
    (tmp_path / "jobs").mkdir()
    return shutil.copy(ROOT / "tests" / "processes" / "shop.py", tmp_path / "jobs" / "shop.py")


def test_a_run_is_started_mended_and_read_by_its_workflows_place(spine, shop, environment):
    place = f"{shop}:PRICES"
    failed = spine("run", place, "-p", "day=mon")
    assert failed.returncode == 1, failed.stderr
    assert "Error at check: Too few records: 2 (QUALITY_GATE)" in failed.stdout
    why = spine("why", f"{place}/day=mon")
    assert "Too few records: 2" in why.stdout, why.stderr
    unknown = spine("resume", ID)
    assert unknown.returncode == 2
    assert "name its module in SPINE_MODULES, or give the id as FILE.py:NAME/..." in unknown.stderr
    mended = spine("resume", f"{place}/day=mon", "--set", "check.least=2", "--json")
    assert json.loads(mended.stdout)["status"] == "COMPLETED", mended.stderr
    rows = json.loads(spine("manifest", "--workflow", place, "--json").stdout)
    assert rows[0]["stage"] == "COMPLETED"
    with psycopg.connect(environment["SPINE_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT name FROM shop_price ORDER BY name").fetchall() == [("a",), ("b?",)]


def test_a_started_run_is_other_workers(spine, shop, start_worker):
    place = f"{shop}:PRICES"
    alone = spine("start", place, "-p", "day=mon")
    assert alone.returncode == 0, alone.stderr
    assert f"a worker must load its module: `spine-temporal worker -m activities -m workflows -m {shop}`" in " ".join(
        alone.stderr.split()
    )
    worker = start_worker(SPINE_MODULES=str(shop))
    until(lambda: "ready" in worker.log.read_text())
    assert spine("result", alone.stdout.strip()).returncode == 1


def test_of_a_worker_that_does_not_know_it_the_start_tells(spine, shop, start_worker):
    worker = start_worker()
    until(lambda: "ready" in worker.log.read_text())
    refused = spine("start", f"{shop}:PRICES", "-p", "day=tue")
    told = " ".join(refused.stderr.split())
    assert refused.returncode == 2, told
    assert "error: a worker refuses it: unknown workflow 'shop.prices': the loaded modules have finra." in told
    assert f"-m {shop}`, or use `run`" in told


def test_a_module_of_a_real_spine_runs_as_it_stands(environment, shop, tmp_path):
    site = tmp_path / "site"
    shutil.copytree(ROOT / "tests" / "fake_spine" / "spine", site / "spine")
    with open(shop, "a") as file:
        file.write(f"\nassert type(PRICES).__module__ == 'spine.orchestration' and {str(site)!r} in spine.__file__\n")
    text = Path(shop).read_text().replace("from spine.orchestration", "import spine\nfrom spine.orchestration", 1)
    Path(shop).write_text(text)
    ended = subprocess.run(
        [sys.executable, "-m", "spine_temporal", "run", f"{shop}:PRICES", "-p", "day=mon"],
        env=environment | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Error at check: Too few records: 2 (QUALITY_GATE)" in ended.stdout, ended.stderr

"""A workflow is named by its place wherever it is named: FILE.py:NAME, MODULE:NAME."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import psycopg
import pytest

from tests.conftest import ROOT
from tests.processes.conftest import until

PAGE = (ROOT / "docs" / "from_spine.md").read_text()
ID = "shop.prices/day=mon"


@pytest.fixture
def shop(tmp_path):
    """The page's file, in a folder that is no project's."""
    (tmp_path / "jobs").mkdir()
    file = tmp_path / "jobs" / "shop.py"
    file.write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    return file


@pytest.fixture
def typed(shop, environment, warm):
    """Type a line of a shell in the file's folder."""

    def typed(line):
        program, *arguments = shlex.split(line, comments=True)
        command = [warm.python, *arguments] if program == "python" else warm.spine(*arguments)
        return subprocess.run(
            command, env=environment | {"PYTHONPATH": str(ROOT)}, cwd=shop.parent, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    return typed


def test_the_pages_lines_work_word_for_word(typed, environment):
    script, *lines = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    assert typed(script).stdout.strip() == "Status: FAILED"
    failed, why, mended, manifest = [typed(line) for line in lines]
    assert failed.returncode == 1, failed.stderr
    assert "Error at check: Too few records: 2 (QUALITY_GATE)" in failed.stdout
    assert "Too few records: 2" in why.stdout, why.stderr
    assert "Status: COMPLETED" in mended.stdout, mended.stderr
    assert "shop.prices" in manifest.stdout
    with psycopg.connect(environment["SPINE_DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT name FROM shop_price WHERE day = 'mon' ORDER BY name").fetchall()
    assert rows == [("a",), ("b?",)]


def test_a_run_whose_workflow_is_in_no_module_is_resumed_by_its_place_alone(typed):
    typed("spine-temporal run shop.py:PRICES -p day=mon")
    unknown = typed(f"spine-temporal resume {ID}")
    assert unknown.returncode == 2
    assert "name its module in SPINE_MODULES, or give the id as FILE.py:NAME/..." in unknown.stderr


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
    is_real = f"type(PRICES).__module__ == 'spine.orchestration' and {str(site)!r} in spine.__file__"
    shop.write_text(f"import spine\n{shop.read_text()}\nassert {is_real}\n")
    ended = subprocess.run(
        [sys.executable, "-m", "spine_temporal", "run", f"{shop}:PRICES", "-p", "day=mon"],
        env=environment | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Error at check: Too few records: 2 (QUALITY_GATE)" in ended.stdout, ended.stderr

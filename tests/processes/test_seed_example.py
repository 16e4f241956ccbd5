"""The seed's complete example runs word for word: as a script, and named by its place."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from activities.finra.otc_transparency.parse import COLUMNS
from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import TIERS
from tests.conftest import ROOT

EXAMPLE = ROOT / "tests" / "processes" / "seed_example.py"


@pytest.fixture
def example(tmp_path):
    """The script of the seed's "Complete Example", in a folder of its own."""
    return shutil.copy(EXAMPLE, tmp_path / "weekly.py")


@pytest.fixture
def api(tmp_path):
    """A stub of FINRA's API with one week of NMS tier 1, in short pages."""
    sample = tmp_path / "sample.csv"
    write_sample(sample, TIERS["NMS_TIER_1"], date(2025, 1, 10), 2000)
    rows = [dict(zip(COLUMNS, line.split("|"), strict=True)) for line in sample.read_text().splitlines()[1:]]
    for row in rows:
        row |= {"weekStartDate": "2025-01-06", "tierIdentifier": "T1", "summaryTypeCode": "ATS_W_SMBL_FIRM"}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(rows[query["offset"] :][:900]).encode()
            self.send_response(200)
            self.send_header("record-total", str(len(rows)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def run(warm):
    """Run a script to its end."""

    def run(script, home, **changes):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPINE_", "TEMPORAL_"))}
        return subprocess.run(
            [warm.python, str(script)],
            env=kept | {"SPINE_HOME": str(home), "PYTHONPATH": str(ROOT)} | changes,
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_it_is_the_pages_own(shared):
    section = shared("seed/F_WORKFLOW.md").read_text().split("## Complete Example", 1)[1]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL).group(1)
    assert EXAMPLE.read_text() == code


def test_it_prints_its_status_and_its_steps(run, example, api, short_home):
    ended = run(example, short_home, SPINE_FINRA_API_URL=api)
    assert ended.returncode == 0, ended.stderr
    assert "Status: COMPLETED" in ended.stdout
    steps = ["ingest", "validate_ingest", "normalize", "validate_normalize", "aggregate"]
    assert f"Completed steps: {steps}" in ended.stdout


def test_named_by_its_place_it_runs_though_the_modules_have_another_of_its_name(spine, example, api):
    params = ("-p", "week_ending=2025-01-09", "-p", "tier=NMS_TIER_1")
    ended = spine("run", f"{example}:WEEKLY_REFRESH", *params, "--json", SPINE_FINRA_API_URL=api)
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    steps = ["ingest", "validate_ingest", "normalize", "validate_normalize", "aggregate"]
    assert (result["status"], result["completed_steps"]) == ("COMPLETED", steps)
    refused = spine("start", f"{example}:WEEKLY_REFRESH", *params)
    assert refused.returncode == 2
    assert "the configured modules have another workflow 'finra.otc_transparency.weekly_refresh' than" in refused.stderr


KILLED = """
import os, signal, time
from pathlib import Path
from spine_temporal import Pipeline, Step, Workflow, WorkflowRunner, register_pipeline

os.environ.setdefault("SCRIPT", str(os.getpid()))

@register_pipeline("script.first")
class First(Pipeline):
    def run(self):
        with open(self.params["log"], "a") as log: log.write("first ")
        return {"row_count": 3}

@register_pipeline("script.second")
class Second(Pipeline):
    def run(self):
        with open(self.params["log"], "a") as log: log.write("second ")
        if not Path(self.params["log"] + ".killed").exists():
            Path(self.params["log"] + ".killed").touch()
            os.kill(int(os.environ["SCRIPT"]), signal.SIGKILL)
            time.sleep(60)
        return {}

W = Workflow(name="script", steps=[
    Step.pipeline("first", "script.first"), Step.pipeline("second", "script.second", heartbeat_timeout=2)])

if __name__ == "__main__":
    print(WorkflowRunner().execute(W, params={"log": LOG}).completed_steps)
"""


def test_a_script_that_was_killed_goes_on_where_it_was_when_it_is_run_again(run, tmp_path, short_home):
    log, script = tmp_path / "log", tmp_path / "killed.py"
    script.write_text(f"LOG = {str(log)!r}\n{KILLED}")
    assert run(script, short_home).returncode == -signal.SIGKILL
    again = run(script, short_home)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() == "['first', 'second']"
    assert log.read_text() == "first second second "


def test_with_a_bad_file_it_prints_the_failing_step_and_the_error(run, example, tmp_path, short_home):
    bad = tmp_path / "bad.csv"
    bad.write_text("<html>not found</html>")
    text = example.read_text().replace('"tier": "NMS_TIER_1"', f'"tier": "NMS_TIER_1", "file_path": {str(bad)!r}')
    example.write_text(text)
    ended = run(example, short_home)
    assert ended.returncode == 0, ended.stderr
    assert "Status: FAILED" in ended.stdout
    assert "Error at ingest: HEADER_MISMATCH" in ended.stdout

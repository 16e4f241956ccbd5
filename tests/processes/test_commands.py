"""What the commands print, and how they exit."""

import json
import signal
from decimal import Decimal
from importlib.metadata import version

import pytest

from tests.processes.conftest import until

WORKFLOW = "finra.otc_transparency.weekly_refresh"


@pytest.fixture
def week(week_file):
    file = week_file("2025-11-28")
    return ("-p", "week_ending=2025-11-28", "-p", "tier=OTC", "-p", f"file_path={file}")


def shares_of(file):
    """Add up the file's shares; what is dirty in a generated line is one of its fields."""
    total = Decimal(0)
    for line in file.read_text().splitlines()[1:]:
        _, symbol, _, _, _, shares, trades, updated = line.split("|")
        if symbol and shares != "n/a" and trades and updated == "2025-12-29":
            total += Decimal(shares)
    return total


def test_run_prints_the_result_alone_on_stdout_and_the_rows_can_be_read(spine, start_worker, week, week_file):
    start_worker()
    dry = spine("run", WORKFLOW, *week, "--dry-run")
    assert dry.returncode == 0
    assert "Would run: ingest, validate_ingest, normalize, validate_normalize, aggregate" in dry.stdout
    assert json.loads(spine("manifest", "--json").stdout) == []
    ended = spine("run", WORKFLOW, *week, "--json")
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert result["status"] == "COMPLETED"
    assert Decimal(result["outputs"]["aggregate"]["total_shares"]) == shares_of(week_file("2025-11-28"))
    assert "normalize" in ended.stderr
    manifest = json.loads(spine("manifest", "--json").stdout)
    assert {row["stage"] for row in manifest} >= {"STARTED", "INGESTED", "NORMALIZED", "AGGREGATED", "COMPLETED"}
    assert {"domain", "partition_key", "stage_rank", "row_count", "metrics", "execution_id"} <= set(manifest[0])
    status = spine("status", f"{WORKFLOW}/week_ending=2025-11-28,tier=OTC", "--json")
    assert json.loads(status.stdout)["status"] == "COMPLETED"
    assert spine("result", f"{WORKFLOW}/week_ending=2025-11-28,tier=OTC").returncode == 0
    [listed] = json.loads(spine("list", "--tag", "weekly", "--json").stdout)
    assert listed["run_id"] == result["run_id"]
    other = spine("list", "--tag", "weekly", "--workflow", "finra.otc_transparency.backfill")
    assert (other.returncode, other.stdout) == (0, "no runs\n")
    none = spine("rejects", result["run_id"])
    assert none.stdout == f"run {result['run_id']} of {WORKFLOW}/week_ending=2025-11-28,tier=OTC has refused no row\n"


def test_a_failed_workflow_exits_1_and_its_anomaly_can_be_read(spine, start_worker, week_file):
    start_worker()
    short = week_file("2025-11-28", rows=299)
    ended = spine("run", WORKFLOW, "-p", "week_ending=2025-11-28", "-p", "tier=OTC", "-p", f"file_path={short}")
    assert ended.returncode == 1
    assert "Error at validate_ingest: Too few records ingested: 299 < 1000 (QUALITY_GATE)" in ended.stdout
    anomalies = json.loads(spine("anomalies", "--json").stdout)
    failures = [row for row in anomalies if row["category"] == "WORKFLOW_FAILURE"]
    assert [(row["stage"], row["severity"]) for row in failures] == [("workflow.validate_ingest", "ERROR")]
    assert failures[0]["metadata"]["failure_category"] == "QUALITY_GATE"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "no.such"), "unknown workflow 'no.such': the loaded modules have"),
        (("run", WORKFLOW), "param 'week_ending' is missing"),
        (("run", WORKFLOW, "-p", "week_ending=2025-11-28", "-p", "tier=OTC", "-p", "tierr=1"), "did you mean 'tier'"),
        (("run", WORKFLOW, "-p", "week_ending=2025-13-40", "-p", "tier=OTC", "-p", "file_path=x"), "BAD_PARAM"),
        (("run", WORKFLOW, "-p", "week_ending=2025-11-28", "-p", "tier=T3"), "not one of NMS_TIER_1, NMS_TIER_2, OTC"),
        (("run", WORKFLOW, "-p", "tier"), "must be key=value"),
        (("run", WORKFLOW, "--params", "[1]"), "must be a JSON object"),
        (("run", WORKFLOW, "--params", "{"), "is not JSON"),
        (("run", WORKFLOW, "--params", "@no-such-file"), "cannot be read"),
        (("run",), "Missing argument"),
        (("run", WORKFLOW, "tier=OTC", "week_ending=2025-11-28"), "give it as a param: -p tier=OTC"),
        (
            ("status", "no-such-id"),
            "no workflow id 'no-such-id' in namespace 'default': `spine-temporal list` has those",
        ),
        (
            ("list", "--tag", "week"),
            "--tag 'week' is of no workflow of the loaded modules: their tags are finra",
        ),
        (("rejects", "no-such-run"), "'no-such-run' is neither a run id nor a workflow id of a run that has begun"),
        (("resolve", "00000000", "--by", "ann"), "--reason TEXT is missing: why is kept on the record"),
        (("sample-data", "--tier", "T9", "--week-ending", "2025-11-28", "--rows", "5", "--out", "x"), "BAD_PARAM"),
    ],
)
def test_a_wrong_call_exits_2_with_one_line(spine, arguments, words):
    ended = spine(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_of_a_workflow_that_has_not_run_it_is_told_which_is_meant(spine, start_worker, week):
    start_worker()
    for command in ("list", "manifest", "quality", "anomalies"):
        nothing = spine(command, "--workflow", WORKFLOW)
        assert (nothing.returncode, nothing.stdout) == (0, f"no run of workflow {WORKFLOW!r} has begun\n")
    assert spine("run", WORKFLOW, *week).returncode == 0
    for command in ("list", "manifest", "quality", "anomalies"):
        misspelled = spine(command, "--workflow", f"{WORKFLOW}s")
        told = f"no run of workflow '{WORKFLOW}s' has begun; did you mean {WORKFLOW!r}?\n"
        assert (misspelled.returncode, misspelled.stdout) == (0, told)
    assert spine("anomalies", "--workflow", WORKFLOW).stdout == "no open anomalies; --all shows the resolved ones\n"


def test_the_version_is_told_without_a_server(spine):
    told = spine("--version", SPINE_TEMPORAL_ADDRESS="127.0.0.1:9")
    assert (told.returncode, told.stdout) == (0, f"spine-temporal {version('spine-temporal')}\n")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"SPINE_DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "Postgres cannot be reached"),
        ({"TEMPORAL_ADDRESS": "127.0.0.1:1"}, "Temporal does not answer at 127.0.0.1:1"),
    ],
)
def test_a_server_that_is_away_exits_3_with_one_line(spine, changes, words):
    ended = spine("worker", **changes)
    assert ended.returncode == 3
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "def gate(ctx, config):\n    return StepResult.ok({'at': str(datetime.now())})\n"
            "W = Workflow(name='bad', steps=[Step.lambda_('check', gate)])\n",
            "gate 'check' of workflow 'bad' calls datetime.datetime.now (impure.py:4)",
        ),
        (
            "W = Workflow(name='bad', steps=[Step.choice('route', lambda ctx: random.random() > 0.5, 'a'), "
            "Step.lambda_('a', lambda ctx, config: StepResult.ok())])\n",
            "gate 'route' of workflow 'bad' calls random.random",
        ),
        (
            "W = Workflow(name='bad', steps=[Step.pipeline('load', 'nobody.wrote_it')])\n",
            "step 'load' of workflow 'bad' names the pipeline 'nobody.wrote_it', which is not registered",
        ),
        (
            "W = Workflow(name='bad', steps=[Step.choice('route', lambda ctx: True, 'nowhere')])\n",
            "then_step 'nowhere' is no step of this workflow",
        ),
        ("import no_such_module\n", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_worker_refuses_a_bad_definition_and_names_it(spine, tmp_path, code, words):
    module = tmp_path / "impure.py"
    head = "import random; from datetime import datetime\nfrom spine_temporal import Step, StepResult, Workflow\n"
    module.write_text(head + code)
    ended = spine("worker", "--module", module)
    assert ended.returncode == 2, ended.stderr
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_ends_at_sigterm_with_code_0(start_worker, tmp_path):
    worker = start_worker()
    until(lambda: "ready" in (tmp_path / "worker0.log").read_text())
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0


def test_the_same_params_twice_are_one_run_and_force_is_another_with_the_same_capture(spine, start_worker, week):
    start_worker()
    first, second, forced = (
        json.loads(spine("run", WORKFLOW, *week, *options, "--json").stdout) for options in ((), (), ("--force",))
    )
    assert second == first | {"reused": True}
    assert forced["run_id"] != first["run_id"]
    assert forced["outputs"]["ingest"]["capture_id"] == first["outputs"]["ingest"]["capture_id"]
    assert {**forced["outputs"]["aggregate"]} == first["outputs"]["aggregate"]

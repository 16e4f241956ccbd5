"""Commands that read or decide find what runs, start nothing, and say what there is not."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from spine_temporal.embedded import embedded_servers, running_servers
from spine_temporal.embedded.state import ServerState, save
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES
from tests.processes.conftest import ROOT, until

READING = (
    ("manifest",),
    ("quality",),
    ("rejects", "x"),
    ("logs", "x"),
    ("anomalies",),
    ("acknowledge", "x"),
    ("resolve", "x", "--reason", "y"),
    ("status", "x"),
    ("result", "x"),
    ("why", "x"),
    ("resume", "x"),
    ("waive", "x", "gate", "--reason", "y"),
    ("retry-step", "x", "gate", "--reason", "y"),
    ("abort", "x", "gate", "--reason", "y"),
    ("graph", "--run", "x"),
    ("timeline", "x"),
    ("diff", "x/a=1", "x/a=2"),
    ("schedules", "diff"),
    ("schedules", "list"),
    ("lateness",),
    ("info",),
    ("env",),
    ("check", "--recorded"),
    ("db", "prune", "--days", "30"),
)


@pytest.fixture
def typed(tmp_path, warm):
    """Run a command in a folder of its own, with nothing configured but what is given."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    def run(*arguments, cwd=folder, **environ):
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.run(
            warm.spine(*arguments),
            env=kept | {"HOME": str(tmp_path)} | environ,
            cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    run.folder = folder
    return run


@pytest.mark.parametrize("arguments", READING, ids=lambda arguments: arguments[0])
def test_where_nothing_has_run_it_says_where_it_looked_and_makes_nothing(typed, arguments):
    ended = typed(*arguments)
    assert ended.returncode == 3
    told = f"error: there is no home of embedded servers at {typed.folder / '.spine'}, so nothing has run here: "
    assert ended.stderr.startswith(told)
    assert "start `spine-temporal dev`" in ended.stderr
    assert list(typed.folder.iterdir()) == []


#: One for each way in which commands find their servers.
WAYS = [call for call in READING if call[0] in {"manifest", "status", "why", "waive", "timeline", "info", "env"}]


@pytest.mark.parametrize("arguments", WAYS, ids=lambda arguments: arguments[0])
def test_where_the_servers_of_the_home_are_stopped_it_says_so_and_starts_nothing(typed, arguments):
    home = typed.folder / ".spine"
    home.mkdir()
    gone = ServerState(temporal_address="127.0.0.1:1", temporal_pid=2**22 + 1, postgres_pid=2**22 + 1)
    save(home, replace(gone, database_url="postgresql://127.0.0.1:1/none", ui_url="http://127.0.0.1:1"))
    ended = typed(*arguments)
    assert ended.returncode == 3
    assert ended.stderr == f"error: the embedded servers of {home} are not running: start `spine-temporal dev`\n"
    assert [path.name for path in home.iterdir()] == ["servers.json"]
    if arguments == ("info",):
        assert "temporal_address  not running\n" in ended.stdout
        assert "database_url      not running\n" in ended.stdout
        assert "127.0.0.1:1" not in ended.stdout


def test_a_shell_that_has_evaluated_env_names_the_servers_of_the_home_and_configures_no_others(typed):
    home, url = typed.folder / ".spine", "postgresql://127.0.0.1:1/none"
    home.mkdir()
    save(home, ServerState(temporal_address="127.0.0.1:1", database_url=url))
    for command in ("manifest", "list"):
        ended = typed(command, SPINE_DATABASE_URL=url, TEMPORAL_ADDRESS="127.0.0.1:1")
        told = f"error: the embedded servers of {home} are not running: start `spine-temporal dev`\n"
        assert (ended.returncode, ended.stderr) == (3, told)
    elsewhere = typed("status", "x", SPINE_DATABASE_URL=url, TEMPORAL_ADDRESS="127.0.0.1:2")
    assert "Temporal does not answer at 127.0.0.1:2" in elsewhere.stderr
    elsewhere = typed("manifest", SPINE_DATABASE_URL=f"{url}s", TEMPORAL_ADDRESS="127.0.0.1:1")
    assert "Postgres cannot be reached" in elsewhere.stderr


def test_a_command_finds_its_project_from_any_folder_below(typed):
    below = typed.folder / "deep" / "er"
    below.mkdir(parents=True)
    (typed.folder / "spine.toml").write_text('modules = ["my_jobs"]')
    (typed.folder / "my_jobs.py").write_text(
        "from spine_temporal import Step, StepResult, Workflow\n"
        "W = Workflow(name='mine', steps=[Step.lambda_('check', lambda ctx, config: StepResult.ok())])\n"
    )
    ended = typed("info", cwd=below)
    assert "workflow          mine  (my_jobs.W)\n" in ended.stdout
    assert str(typed.folder / ".spine") in ended.stderr
    assert list(below.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "environ", "file", "words"),
    [
        (
            ("manifest",),
            {"SPINE_MAX_ACTIVITIES": "abc"},
            "",
            "SPINE_MAX_ACTIVITIES is 'abc': it must be a whole number",
        ),
        (("manifest",), {"SPINE_GRACE": "-1"}, "", "SPINE_GRACE is '-1': it must be a number of seconds from 0"),
        (("dev", "--port", "99999"), {}, "", "99999 is no port: it must be a number from 1 to 65535"),
        (("dev", "--ui-port", "0"), {}, "", "0 is no port: it must be a number from 1 to 65535"),
        (("info",), {}, "x = = 1", "spine.toml is not TOML: Invalid value (at line 1, column 5)"),
        (("info",), {}, "moduls = []", "unknown: allowed are home, database_url"),
        (("info",), {"SPINE_MODULES": "no.such"}, "", "there is no module 'no.such': correct SPINE_MODULES, or"),
        (
            ("dev",),
            {"SPINE_HOME": "/dev/null"},
            "",
            "cannot keep their data in /dev/null (Not a directory): set SPINE_HOME",
        ),
        (("db", "upgrade"), {"SPINE_HOME": "/dev/null"}, "", "cannot keep their data in /dev/null (Not a directory)"),
        (("nonsense",), {}, "", "No such command 'nonsense'"),
    ],
)
def test_a_wrong_setting_is_a_sentence_on_stderr_and_with_json_on_stdout(typed, arguments, environ, file, words):
    if file:
        (typed.folder / "spine.toml").write_text(file)
    ended = typed(*arguments, **environ)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    if arguments == ("info",):
        error = json.loads(typed("info", "--json", **environ).stdout)["error"]
        assert error["category"] == "CONFIGURATION"
        assert words in error["message"]


def test_an_error_as_json_has_its_category_its_message_and_what_to_do(typed):
    ended = typed("manifest", "--json")
    assert ended.returncode == 3
    error = json.loads(ended.stdout)["error"]
    assert set(error) == {"category", "message", "advice"}
    assert error["category"] == "DEPENDENCY"
    assert error["message"].endswith(error["advice"])
    assert error["advice"].startswith("go to the folder of your project")
    wrong = typed("run", "no.such", "--json")
    assert wrong.returncode == 2
    told = json.loads(wrong.stdout)["error"]["message"]
    assert told.startswith("unknown workflow 'no.such': the loaded modules have none: go to the folder of your project")
    unknown = typed("run", "--json", "--bogus")
    assert unknown.returncode == 2
    assert "No such option: --bogus" in json.loads(unknown.stdout)["error"]["message"]


def test_a_shell_is_offered_commands_and_the_names_of_workflows(environment):
    program = Path(sys.executable).with_name("spine-temporal")

    def offered(words, number):
        asked = {"_SPINE_TEMPORAL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        answer = subprocess.run(
            [program], env=environment | asked, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
        )
        return answer.stdout.split()

    assert offered("spine-temporal mani", 1) == ["manifest"]
    assert offered("spine-temporal run finra.otc_transparency.w", 2) == ["finra.otc_transparency.weekly_refresh"]
    assert "finra.otc_transparency.backfill" in offered("spine-temporal start ", 2)
    assert offered("spine-temporal list --workflow finra.otc_transparency.w", 3) == [
        "finra.otc_transparency.weekly_refresh"
    ]
    assert offered("spine-temporal list --status qu", 3) == ["queued"]


def test_info_and_env_tell_the_servers_that_answer(spine, environment, servers):
    told = json.loads(spine("info", "--wait", "--json").stdout)
    assert told["temporal_address"] == servers.temporal_address
    assert told["database_url"] == environment["SPINE_DATABASE_URL"]
    tags = {workflow["name"]: workflow["tags"] for workflow in told["workflows"]}
    assert tags["finra.otc_transparency.weekly_refresh"] == ["finra", "weekly"]
    assert "weekly_refresh  (workflows.finra.otc_transparency.WEEKLY_REFRESH) [finra, weekly] " in spine("info").stdout
    exports = spine("env")
    shell = f'{exports.stdout}\nprintf \'%s\\n\' "$TEMPORAL_ADDRESS" "$TEMPORAL_NAMESPACE" "$SPINE_DATABASE_URL"'
    read = subprocess.run(["bash", "-c", shell], env={}, capture_output=True, text=True, check=True).stdout
    assert read.splitlines() == [servers.temporal_address, "default", environment["SPINE_DATABASE_URL"]]
    odd = "postgresql://user:it's $HOME@127.0.0.1:1/none"
    away = spine("env", SPINE_DATABASE_URL=odd)
    assert (away.returncode, away.stdout) == (3, "")
    assert "POSTGRES_AWAY" in away.stderr


@pytest.fixture
def handwritten(servers):
    """A Temporal workflow of somebody else's, which nobody works on."""

    async def start(task_queue):
        client = await Client.connect(servers.temporal_address)
        identity = f"theirs {uuid4().hex}"
        await client.start_workflow("hand.written", id=identity, task_queue=task_queue)
        return client.get_workflow_handle(identity)

    return start


@pytest.mark.parametrize("command", ["status", "result", "why"])
async def test_a_workflow_that_is_not_ours_is_told_in_a_sentence(spine, handwritten, command):
    theirs = await handwritten("theirs")
    running = spine(command, theirs.id)
    await theirs.terminate()
    for ended in (running, spine(command, theirs.id)):
        assert (ended.returncode, ended.stdout) == (2, "")
        told = (
            f"error: {theirs.id!r} is a Temporal workflow of type 'hand.written', and no run of ours: look at it with"
        )
        assert ended.stderr.startswith(told)
        assert shlex.quote(theirs.id) in ended.stderr


@pytest.mark.parametrize("command", ["result", "resume"])
def test_without_a_worker_it_is_told_and_not_only_waited(spine, warm, environment, start_worker, tmp_path, command):
    """Also where the servers are configured ones: nobody but the user's own workers serves those."""
    modules = {"SPINE_MODULES": "activities,workflows,tests.temporal.resumable"}
    params = json.dumps({"week": uuid4().hex, "folder": str(tmp_path)})
    if command == "resume":
        worker = start_worker(**modules)
        spine("run", "resumable.sourced", "--params", params, **modules)
        worker.terminate()
        worker.wait(30)
        identity = f"resumable.sourced/week={json.loads(params)['week']}"
    else:
        started = spine("start", "resumable.sourced", "--params", params, **modules)
        assert "none asks for work on task queue" in started.stderr
        identity = started.stdout.strip()
    log = tmp_path / "log"
    with log.open("w") as output:
        waiting = subprocess.Popen(
            warm.spine(command, identity), env=environment | modules, stdout=output, stderr=output
        )
    try:
        until(lambda: "waits for a worker: none asks for work on task queue" in log.read_text().replace("\n", " "))
        assert waiting.poll() is None
    finally:
        waiting.kill()
        waiting.wait()


def test_servers_that_go_away_end_a_wait_with_a_sentence_and_leave_stdout_to_the_result(typed, warm, tmp_path):
    """Nothing is kept up by who only waits: what Ctrl-C of `dev` stops is stopped."""
    home, log = typed.folder / ".spine", tmp_path / "log"
    with embedded_servers(home, postgres=False, search_attributes=SEARCH_ATTRIBUTES) as state:
        started = asyncio.run(_start(state.temporal_address))
        with log.open("w") as output:
            waiting = subprocess.Popen(
                warm.spine("result", started, "--json"),
                env={"PATH": os.environ["PATH"]}, cwd=typed.folder, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        until(lambda: "waits for a worker" in log.read_text())
    assert running_servers(home).temporal_pid is None
    assert waiting.wait(60) == 3
    told = log.read_text()
    assert "Temporal does not answer any more" in told
    assert json.loads(told[told.index("{") : told.rindex("}") + 1])["error"]["category"] == "DEPENDENCY"


async def _start(address):
    client = await Client.connect(address)
    await client.start_workflow("some.flow", id="some.flow/x", task_queue="spine")
    return "some.flow/x"

"""``make pictures``: what README and docs show of graphs and timelines, drawn by the commands from a run of their own.

What is known of that run is kept beside its pictures. So a test can tell, without a server, whether they are as the
commands would draw them now; and ``python -m ops.pictures --redraw`` draws that run anew after a change of the drawing.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pydantic import BaseModel
from temporalio.service import RPCError

from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.run_records import gathered
from spine_temporal.client.servers import connect, found_servers
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.client.web_ui import run_url, views
from spine_temporal.definition.run_result import StepStatus
from spine_temporal.drawing.run_record import RunRecord
from spine_temporal.drawing.svg_graph import graph_svg
from spine_temporal.drawing.svg_timeline import timeline_svg
from spine_temporal.drawing.terminal_graph import TextLine, graph_lines
from spine_temporal.drawing.terminal_timeline import timeline_lines
from spine_temporal.embedded import embedded_servers
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.planning import plan_of
from spine_temporal.recording.database import Database
from spine_temporal.settings import Settings
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES
from workflows.finra.otc_transparency import WEEKLY_REFRESH
from workflows.finra.otc_weeks import ALL_TIERS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pictures.md"
FOLDER = ROOT / "docs" / "pictures"
RECORD = FOLDER / "run.json"
IMAGES = ROOT / "docs" / "images"
WORKFLOW = WEEKLY_REFRESH.name
WEEK = "2025-11-28"
ID = f"{WORKFLOW}/week_ending={WEEK},tier=OTC"
#: Columns of what the page shows of a terminal.
WIDTH = 80
#: Seconds until the gate is held, and how long it is left so, for the picture's sake.
_PATIENCE, _HELD = 120.0, 1.5
#: Servers of its own, whatever is configured.
CONFIGURED = ("TEMPORAL_", "SPINE_")


class Recorded(BaseModel):
    """The run of the pictures."""

    plan: Plan
    run: RunRecord


#: The commands that draw them, each with its file.
COMMANDS: dict[str, tuple[str, ...]] = {
    "graph.svg": ("graph", WORKFLOW),
    "all_tiers.svg": ("graph", ALL_TIERS.name, "--expand"),
    "run.svg": ("graph", "--run", ID),
    "timeline.svg": ("timeline", ID),
}


def drawings(recorded: Recorded) -> dict[str, str]:
    """Return each picture by its file's name, as its command draws it of this run."""
    plans = {workflow.name: plan_of(workflow) for workflow in (WEEKLY_REFRESH, ALL_TIERS)}
    return {
        "graph.svg": graph_svg(plans[WORKFLOW]),
        "all_tiers.svg": graph_svg(plans[ALL_TIERS.name], inner=plans),
        "run.svg": graph_svg(recorded.plan, run=recorded.run),
        "timeline.svg": timeline_svg(recorded.plan, recorded.run),
    }


def terminal(recorded: Recorded) -> dict[str, str]:
    """Return what the page shows of a terminal, by the command that it shows."""
    return {
        f"spine-temporal graph --run {ID}": _text(graph_lines(recorded.plan, width=WIDTH, run=recorded.run)),
        f"spine-temporal timeline {ID}": _text(timeline_lines(recorded.plan, recorded.run, width=WIDTH)),
    }


def page_with(page: str, outputs: dict[str, str]) -> str:
    """Return the page with these outputs behind their commands."""
    for command, output in outputs.items():
        block = re.compile(rf"(```\n\$ {re.escape(command)}\n).*?(^```$)", re.DOTALL | re.MULTILINE)
        if not block.search(page):
            raise ValueError(f"{PAGE} has no block that begins with `$ {command}`")
        page = block.sub(lambda found, output=output: f"{found[1]}{output}{found[2]}", page)  # type: ignore[misc]
    return page


def _text(lines: list[TextLine]) -> str:
    return "".join(f"{''.join(text for text, _ in line).rstrip()}\n" for line in lines)


def main() -> int:
    """Run the workflow, and draw it by the commands; return 0."""
    os.chdir(ROOT)
    for name in [name for name in os.environ if name.startswith(CONFIGURED)]:
        del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
    home = Path(tempfile.mkdtemp(prefix="spine-pictures-")).resolve()
    os.environ |= {"SPINE_HOME": str(home), "COLUMNS": str(WIDTH), "SPINE_MODULES": "activities,workflows"}
    FOLDER.mkdir(exist_ok=True)
    try:
        with embedded_servers(home, search_attributes=SEARCH_ATTRIBUTES):
            _run_held(home / "week.csv")
            with subprocess.Popen([sys.executable, "-m", "spine_temporal", "worker"]) as worker:  # answers the Web UI
                asyncio.run(_photograph_run())
                worker.terminate()
            for file, arguments in COMMANDS.items():
                _call(*arguments, "-o", str(FOLDER / file))
            outputs = {command: _call(*command.split()[1:]) for command in terminal(asyncio.run(_record()))}
        PAGE.write_text(page_with(PAGE.read_text(), outputs))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _run_held(week: Path) -> None:
    """Run a week that is too short: its gate is held, and a person lets it pass."""
    _call("db", "upgrade")
    _call("sample-data", "--tier", "OTC", "--week-ending", WEEK, "--rows", "500", "--out", str(week))
    params = ("-p", f"week_ending={WEEK}", "-p", "tier=OTC", "-p", f"file_path={week}")
    run = subprocess.Popen([sys.executable, "-m", "spine_temporal", "run", WORKFLOW, *params, "--hold"])
    asyncio.run(asyncio.wait_for(_waive(), _PATIENCE))
    if run.wait(_PATIENCE):
        raise RuntimeError("the run has failed: see above")


async def _waive() -> None:
    """Let the gate pass a moment after it is held."""
    servers = found_servers(Settings.from_environment())
    client = SpineClient(await connect(servers))
    handle = RunHandle(workflow_id=ID, handle=client.client.get_workflow_handle(ID), client=client.client)
    while not await _is_held(handle):  # noqa: ASYNC110 - another process holds it
        await asyncio.sleep(0.1)
    await asyncio.sleep(_HELD)
    if servers.ui_url:
        await asyncio.to_thread(_photograph, "web_ui_held.png", views(servers.ui_url, servers.namespace)["held"], 520)
    await handle.decide("waive", "validate_ingest", by="ann", reason="a short week")


async def _photograph_run() -> None:
    """Take the picture of the run, once it has ended: a page of an open one never comes to rest."""
    servers = found_servers(Settings.from_environment())
    if servers.ui_url:
        client = await connect(servers)
        run_id = (await client.get_workflow_handle(ID).describe()).run_id
        address = run_url(servers.ui_url, servers.namespace, ID, run_id).removesuffix("history")
        await asyncio.to_thread(_photograph, "web_ui_run.png", f"{address}user-metadata", 900)


def _photograph(file: str, address: str, height: int) -> None:
    """Take a picture of a page of the Web UI, where there is a browser."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print(f"no Chromium: docs/images/{file} stays as it is")
        return
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size=1600,{height}"]
    told = [f"--screenshot={IMAGES / file}", "--virtual-time-budget=20000", address]
    subprocess.run([browser, *arguments, *told], check=True, capture_output=True, timeout=_PATIENCE)


async def _is_held(handle: RunHandle) -> bool:
    try:
        progress = await handle.progress()
    except RPCError:  # it has not begun
        return False
    return progress is not None and any(step.status is StepStatus.HELD for step in progress.step_executions)


async def _record() -> Recorded:
    """Keep what is known of the run, beside its pictures."""
    servers = found_servers(Settings.from_environment())
    database = Database(servers.database_url)
    try:
        found = await gathered(database, await connect(servers), ID, with_history=True)
    finally:
        database.close()
    recorded = Recorded(plan=found.plan, run=found.run)
    RECORD.write_text(f"{recorded.model_dump_json(indent=1)}\n")
    return recorded


def _call(*arguments: str) -> str:
    """Run a command of ours, and return what it prints."""
    command = [sys.executable, "-m", "spine_temporal", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def redraw() -> int:
    """Draw the run that is kept, as the commands would now; return 0."""
    recorded = Recorded.model_validate_json(RECORD.read_text())
    for file, drawn in drawings(recorded).items():
        (FOLDER / file).write_text(drawn)
    PAGE.write_text(page_with(PAGE.read_text(), terminal(recorded)))
    return 0


if __name__ == "__main__":
    sys.exit(redraw() if sys.argv[1:] == ["--redraw"] else main())

"""The pages on operating: their files, and their commands with what they print, against real servers."""

import asyncio
import contextlib
import os
import shlex
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.client import Client
from temporalio.service import RPCError

from ops.walk.page import File, parts
from spine_temporal import CalendarRule, Deadline, Step, StepResult, Weekdays, Workflow
from spine_temporal.operating.lateness.judging import judge_deadline
from spine_temporal.recording.database import Database
from tests.conftest import ROOT

PAGES = ["backfill", "coverage", "limits", "logs", "queries", "schedules"]


@pytest.fixture
def nothing_open(servers):
    """End what tests before these have left open on their servers: a page tells of every run that is open."""

    async def end():
        client = await Client.connect(servers.temporal_address)
        while left := [run async for run in client.list_workflows("ExecutionStatus = 'Running'")]:
            for run in left:
                with contextlib.suppress(RPCError):  # it has ended, and the list does not know it yet
                    await client.get_workflow_handle(run.id, run_id=run.run_id).terminate()

    asyncio.run(end())


@pytest.fixture
def shell(environment, warm, tmp_path):
    """Type a line in a folder of its own, where `spine-temporal` is the warm program."""
    programs, folder = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    folder.mkdir()
    (folder / "spine.toml").write_text('modules = ["sales"]\n')
    program = programs / "spine-temporal"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, warm.spine()))} "$@"\n')
    program.chmod(0o755)
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = environment | {"PATH": path, "COLUMNS": "300", "SPINE_TASK_QUEUE": "operate-pages"}

    def run(line):
        return subprocess.run(
            ["bash", "-c", line], cwd=folder, env=own, capture_output=True, text=True, timeout=120, check=False
        )

    run.folder, run.environment = folder, own
    return run


def test_each_command_of_the_page_on_deadlines_prints_what_the_page_says(shell, database_url):
    page = list(parts((ROOT / "docs" / "operate" / "lateness.md").read_text()))
    judge_three_days(database_url)
    for part in page:
        if isinstance(part, File):
            (shell.folder / part.path).write_text(part.text)
            continue
        ended = shell(part.text)
        told = ended.stdout + ended.stderr
        assert (ended.returncode, part.missing(told)) == (0, None), f"{part.text}\n{told[-3000:]}"


def judge_three_days(database_url):
    """Judge what the page tells of: one day on time, one that came late, one that never did."""
    noon = CalendarRule(calendar=Weekdays("Monday", "Tuesday", "Wednesday"), at="12:00", time_zone="America/New_York")
    passing = Step.lambda_("check", lambda ctx, config: StepResult.ok())
    daily = Workflow(name="sales.daily", partition_by=["day"], steps=[passing])
    deadline = Deadline(
        name="sales.noon", workflow=daily, by=noon, params=lambda due, _: {"day": due.date().isoformat()}
    )
    ended = {"run-1": noon.on(date(2025, 3, 10)), "run-2": noon.on(date(2025, 3, 11)) + timedelta(hours=2, minutes=5)}
    database = Database(database_url)
    try:
        judge_deadline(database, deadline, noon.on(date(2025, 3, 5)))
        with database.begin() as connection:
            for run_id, at in ended.items():
                connection.execute(
                    text("""
                        INSERT INTO core_runs
                            (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at,
                            completed_at)
                        VALUES (:run_id, 'sales.daily', 'sales.daily', 'workflow.sales.daily',
                            jsonb_build_object('day', CAST(:day AS text)), '{}', '{}', 'COMPLETED', :at, :at)
                    """),
                    {"run_id": run_id, "day": str(at.date()), "at": at},
                )
        judge_deadline(database, deadline, noon.on(date(2025, 3, 12)))
    finally:
        database.close()


@pytest.mark.usefixtures("nothing_open")
@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_the_page_prints_what_the_page_says(page, shell):
    worker = None
    try:
        for part in parts((ROOT / "docs" / "operate" / f"{page}.md").read_text()):
            if isinstance(part, File):
                (shell.folder / part.path).write_text(part.text)
                worker = worker or subprocess.Popen(
                    ["bash", "-c", "spine-temporal db upgrade && exec spine-temporal worker"],
                    cwd=shell.folder, env=shell.environment, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                continue
            ended = shell(part.text)
            told = ended.stdout + ended.stderr
            assert ended.returncode == part.exit_code, f"{part.text}\n{told[-3000:]}"
            assert part.missing(told) is None, f"{part.text}\n{told[-3000:]}"
    finally:
        if worker is not None:
            worker.kill()
            worker.wait()

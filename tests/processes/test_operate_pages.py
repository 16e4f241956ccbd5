"""The pages on operating: their files, and their commands with what they print, against real servers."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ops.walk.page import File, parts
from tests.conftest import ROOT

PAGES = ["backfill", "schedules", "logs"]


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

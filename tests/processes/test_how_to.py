"""The how-to pages: one project has every file that they show, and every command that they show does what it says."""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ops.walk.page import File, parts
from ops.walk.shell import Shell
from spine_temporal.testing.databases import TemplateDatabase
from tests.conftest import ROOT
from tests.processes.conftest import until

FOLDER = ROOT / "docs" / "how_to"
PAGES = sorted(FOLDER.glob("*.md"))
#: What the worker has loaded before the first page is read.
LOADED = ("spine.toml", "jobs/")
#: What a reader looks at again, where what it waits for is not there yet.
LOOKING = ("why", "list", "status", "replay")

pytestmark = [pytest.mark.xdist_group("how_to"), pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def environment(servers, warm, tmp_path_factory):
    """Variables of a shell that has the commands, and a database of this module's own."""
    programs = tmp_path_factory.mktemp("programs")
    for package in ("spine", "spine_temporal"):
        (programs / package).symlink_to(ROOT / package)
    (programs / "spine-temporal").write_text(f'#!/bin/sh\nexec {shlex.join(warm.spine())} "$@"\n')
    (programs / "spine-temporal").chmod(0o755)
    database = TemplateDatabase(servers.database_url, ())
    yield {
        "HOME": str(programs),
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "160",
        "PYTHONPATH": str(programs),
        "PYTEST_ADDOPTS": "-p spine_temporal.testing.plugin -p no:cacheprovider",
        "SHOP_TOKEN": "a-token-of-the-shops-4f8a",
        "SPINE_DATABASE_URL": database.url,
        "TEMPORAL_ADDRESS": servers.temporal_address,
    }
    database.drop()


@pytest.fixture(scope="module")
def shell(environment, warm):
    """A shell in the project, with a worker beside it."""
    with tempfile.TemporaryDirectory(prefix="spine-how-to-") as folder:
        project = Path(folder).resolve()
        for part in (part for page in PAGES for part in parts(page.read_text())):
            if isinstance(part, File) and part.path.startswith(LOADED):
                write(project, part)
        subprocess.run(warm.spine("db", "upgrade"), env=environment, cwd=project, check=True, capture_output=True)
        log = project / "worker.log"
        with log.open("w") as output:
            worker = subprocess.Popen(
                warm.spine("worker"), env=environment, cwd=project, stdout=output, stderr=subprocess.STDOUT
            )
        opened = Shell(project, environment)
        opened.project = project
        try:
            until(lambda: "ready" in log.read_text() or worker.poll() is not None)
            assert worker.poll() is None, log.read_text()
            yield opened
        finally:
            opened.close()
            worker.kill()
            worker.wait()


def write(project, file):
    path = project / file.path
    assert not path.exists(), f"{file.path} is of another page, too"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(file.text)


def told(shell, command, seconds=60):
    """Run a command until it does what the page says of it; one that only looks is run again."""
    deadline = time.monotonic() + seconds
    while True:
        output, code = shell.run(command.text, seconds)
        if (code, command.missing(output)) == (command.exit_code, None):
            return None
        words = command.text.split()
        if words[1] not in LOOKING or time.monotonic() > deadline:
            return f"{command.text}\n{output}\nexit code {code}, not printed: {command.missing(output)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_command_does_what_the_page_says(shell, page):
    for part in parts(page.read_text()):
        if not isinstance(part, File):
            assert told(shell, part) is None
        elif not part.path.startswith(LOADED):
            write(shell.project, part)


def test_each_page_is_in_the_table():
    table = (FOLDER / "README.md").read_text()
    assert [page.name for page in PAGES if f"]({page.name})" not in table] == ["README.md"]


def test_check_finds_no_error_and_no_warning_in_their_modules(shell):
    output, code = shell.run("spine-temporal check --strict", 60)
    assert code == 0, output

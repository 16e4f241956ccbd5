"""The README's shell lines work word for word, from top to bottom, in one shell."""

import os
import re
import signal
import subprocess

import pytest

from spine_temporal.settings import NAMES
from tests.processes.conftest import ROOT, until

README = (ROOT / "README.md").read_text()
USE = README.split("## Use it", 1)[1].split("\n## ", 1)[0]
#: What a person does before deciding of a gate: looks until it is held.
HELD = 'for _ in {1..60}; do .venv/bin/spine-temporal why "$ID" | grep -q "^held" && break; sleep 0.2; done'


def commands():
    """The lines of the section's shell blocks, those that go on joined."""
    blocks = re.findall(r"^```\n(.*?)^```$", USE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in re.findall(r"(?:.*\\\n)*.+", block)]


def expected(line):
    return 1 if "# exits 1" in line else 0


def script(lines):
    """Each line, with its number before it and its exit code behind it; the first that is not expected is the last."""
    for number, line in enumerate(lines):
        if " waive " in line:
            yield HELD
        yield f'echo "::begin {number}"\n{line}\ncode=$?; echo "::end {number} $code"'
        yield f"[ $code = {expected(line)} ] || {{ kill %1; break; }}"
    yield "done; wait"


@pytest.fixture
def clone(tmp_path, warm):
    """A folder that has of the repository what its commands need."""
    for name in ("activities", "workflows", "domains", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(warm.bin)
    return tmp_path


@pytest.mark.timeout(400)
def test_its_lines_work_word_for_word_in_one_shell(clone):
    lines, log = commands(), clone / "log"
    assert len(lines) > 15
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPINE_", "TEMPORAL_"))}
    with log.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-c", "\n".join(["for once in 1; do", *script(lines)])],
            cwd=clone, env=kept | {"SPINE_HOME": str(clone / "home")}, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: shell.poll() is not None, 350)
    finally:
        if shell.poll() is None:
            os.killpg(shell.pid, signal.SIGTERM)
            shell.wait(60)
    text = log.read_text()
    codes = {lines[int(number)]: int(code) for number, code in re.findall(r"^::end (\d+) (\d+)$", text, re.MULTILINE)}
    assert codes == {line: expected(line) for line in lines}, text
    told = {line: _between(text, number) for number, line in enumerate(lines)}
    for part, words in (
        ("info --wait", "finra.otc_transparency.weekly_refresh  ("),
        ("file_path=week.csv\n", "Status: COMPLETED"),
        ("quality", "row_count"),
        ("# exits 1", "Too few records ingested: 500 < 1000"),
        ("anomalies", "WORKFLOW_FAILURE"),
        ("why $ID", "resume"),
        ("resume $ID", "Status: COMPLETED"),
        ("waive $ID", "validate_ingest waived by ann: a short week"),
        ("result $ID", "Status: COMPLETED"),
        ("workflow start", "Running execution"),
    ):
        assert words in _told(told, part), f"{part}\n{text}"
    assert "PARAMS_MISMATCH" not in text
    assert "Traceback" not in text


def _between(text, number):
    return text.split(f"::begin {number}\n", 1)[1].split(f"::end {number} ", 1)[0]


def _told(told, part):
    [line] = [line for line in told if part in f"{line}\n"]
    return told[line]


def test_its_table_has_every_setting():
    table = README.split("## Configured servers", 1)[1].split("\n## ", 1)[0]
    assert {name for name in NAMES if f"`{name}`" in table and f"`SPINE_{name.upper()}`" in table} == set(NAMES)

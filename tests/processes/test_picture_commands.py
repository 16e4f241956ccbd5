"""`graph`, `timeline` and `diff` as a person types them: rightly, and wrongly."""

import os
import pty
import subprocess
from xml.etree import ElementTree

import pytest

from tests.conftest import ROOT

WEEKLY, TIERS = "finra.otc_transparency.weekly_refresh", "finra.otc_transparency.all_tiers"


def test_a_graph_is_written_in_the_form_that_the_files_name_says(spine, tmp_path):
    for ending, begins in (("svg", "<svg"), ("mmd", "---\ntitle"), ("dot", "digraph"), ("txt", WEEKLY)):
        file = tmp_path / f"graph.{ending}"
        ended = spine("graph", WEEKLY, "-o", str(file))
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", f"wrote {file}\n")
        assert file.read_text().startswith(begins)
    ElementTree.parse(tmp_path / "graph.svg")
    assert spine("graph", TIERS, "--expand").stdout.count("validate_ingest") == 3
    assert spine("graph", WEEKLY, "--format", "mermaid").stdout == (tmp_path / "graph.mmd").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("graph",), "name the workflow that is to be drawn, or a run with --run ID: there are finra."),
        (("graph", "nope"), "unknown workflow 'nope'"),
        (("graph", WEEKLY, "-o", "/no/such/folder/x.svg"), "-o /no/such/folder/x.svg cannot be written (No such file"),
        (("graph", WEEKLY, "-o", "graph.png"), "-o graph.png says no form: give it a name that ends with .svg, .mmd, "),
        (("timeline", "x", "-o", "x.dot"), "-o x.dot says no form: give it a name that ends with .svg, .txt, or say"),
        (("graph", TIERS, "--expand", "--format", "dot"), "--expand and --format dot do not go together"),
        (("graph", "--run", "nope"), "no run with the run id or workflow id 'nope' has begun: `spine-temporal list`"),
        (("timeline", "nope/day=1"), "no run with the run id or workflow id 'nope/day=1' has begun"),
        (("diff", WEEKLY, "nope"), "unknown workflow 'nope'"),
        (("diff", "HEAD", WEEKLY), "'HEAD' is a git revision: name the workflow too, as HEAD:NAME"),
        (("diff", "workflows/x.py", WEEKLY), "'workflows/x.py' is a file: name the workflow in it too"),
        (("diff", "nope:x", WEEKLY), "'nope:x': git knows no revision 'nope' here, and no workflow has that name"),
        (("diff", "nope/day=1", WEEKLY), "no run with the run id or workflow id 'nope/day=1' has begun"),
    ],
)
def test_what_is_wrong_is_a_sentence(spine, arguments, words):
    ended = spine(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"error: {words}")
    assert "Traceback" not in ended.stderr


def test_diff_exits_as_diff_does(spine):
    same = spine("diff", WEEKLY, WEEKLY)
    assert (same.returncode, same.stdout) == (0, f"{WEEKLY}: now -> now: the same\n")
    revision = spine("diff", f"HEAD:{WEEKLY}", WEEKLY)
    assert revision.stdout.startswith(f"{WEEKLY}: HEAD -> now")
    assert revision.returncode == (0 if "the same" in revision.stdout else 1)
    other = spine("diff", TIERS, WEEKLY)
    assert other.returncode == 1
    assert "+ ingest  pipeline, the first\n" in other.stdout
    assert "Runs in flight\n  - A run in flight finishes on the plan" in other.stdout
    printed = spine("diff", TIERS, WEEKLY, "--json")
    assert printed.returncode == 1
    assert '"in_flight": [' in printed.stdout


def test_colours_go_to_a_terminal_and_not_where_they_are_not_wanted(environment, warm):
    def shown(**changes):
        reader, writer = pty.openpty()
        given = environment | {"TERM": "xterm-256color", "COLUMNS": "80"} | changes
        process = subprocess.Popen(
            warm.spine("diff", TIERS, WEEKLY), env=given, cwd=ROOT, stdout=writer, stderr=subprocess.DEVNULL
        )
        os.close(writer)
        text = b""
        try:
            while part := os.read(reader, 4096):
                text += part
        except OSError:  # the other side has ended
            pass
        process.wait()
        os.close(reader)
        return text.decode()

    assert "\x1b[32m+ ingest" in shown()
    plain = shown(NO_COLOR="1")
    assert "+ ingest" in plain
    assert "\x1b[32m" not in plain

"""Graphs for other programs: every step and every way, and no word of a definition is a word of their language."""

import re

from spine_temporal import Step
from spine_temporal.drawing.graph_source import dot, mermaid
from tests.unit.drawing.builders import BRANCHED, record, run_of
from tests.unit.machine_builders import gate, planned

HOSTILE = planned(gate("end", config={"text": 'a<b>{c}|d"];x'}), Step.parallel("graph", [Step.pipeline("in", "a\\b")]))


def test_mermaid_has_every_step_and_every_way():
    drawn = mermaid(BRANCHED)
    assert drawn.startswith('---\ntitle: "w version 1"\n---\nflowchart TD\n')
    assert 's2{"large<br>choice"}' in drawn
    assert {"s2 -->|yes| s3", "s2 -->|no| s4", "s7 -->|no| s9"} <= {line.strip() for line in drawn.split("\n")}
    assert 'subgraph s9["many, parallel, 2 at once"]' in drawn
    assert drawn.count("subgraph") == drawn.count("    end\n") == 2


def test_mermaid_shows_words_as_they_are():
    drawn = mermaid(HOSTILE)
    assert 's1{{"end<br>gate<br>text a#60;b#62;#123;c#125;#124;d#34;#93;#59;x"}}' in drawn


def test_dot_has_every_step_and_every_way():
    drawn = dot(BRANCHED)
    ways = set(re.findall(r"(\w+) -> (\w+)", drawn))
    assert {("start", "s1"), ("s2", "s3"), ("s2", "s4"), ("s3", "s6"), ("s14", "finish")} <= ways
    assert "lhead=cluster_s9" in drawn
    assert drawn.count("{") == drawn.count("}")


def test_dot_quotes_words():
    drawn = dot(HOSTILE)
    assert r'label="end\ngate\ntext a<b>{c}|d\"];x"' in drawn
    assert r'label="in\npipeline\na\\b"' in drawn


def test_both_say_how_a_run_went():
    run = run_of(record("ingest", 0, 2, rows=7), ends=2, status="COMPLETED")
    assert "ingest<br>pipeline<br>p<br>COMPLETED, 2 s, 7 rows" in mermaid(BRANCHED, run)
    assert r"ingest\npipeline\np\nCOMPLETED, 2 s, 7 rows" in dot(BRANCHED, run)
    assert "NOT REACHED" in dot(BRANCHED, run)

"""A timeline: spans at their place on one axis, an open run until now."""

import re

from spine_temporal.definition.run_result import Decision
from spine_temporal.drawing.terminal_timeline import timeline_lines
from spine_temporal.drawing.timeline import timeline_of
from spine_temporal.machine.planning import plan_of
from tests.unit.drawing.builders import BRANCHED, record, run_of, span, text
from tests.unit.machine_builders import gate, pipe, planned
from workflows.finra.otc_transparency import WEEKLY_REFRESH

CHAIN = planned(pipe("load"), gate("check"), pipe("publish"), pipe("later"))


def bars(plan, run, width=80):
    return {
        line.split()[0]: line
        for line in text(timeline_lines(plan, run, width=width)).split("\n")
        if line[:1] not in {"", " "}
    }


def test_an_open_run_is_drawn_until_now_and_says_so():
    run = run_of(record("load", 0, 5), record("publish", 5, None, status="RUNNING"), now=10)
    drawn = text(timeline_lines(CHAIN, run, width=80))
    assert "RUNNING, open for 10 s: began 2025-11-28 12:00:00 UTC, drawn until now," in drawn
    assert "▸ goes on" in drawn
    assert "not reached: check, later" in drawn
    load, publish = bars(CHAIN, run)["load"], bars(CHAIN, run)["publish"]
    assert 0 <= load.count("█") - publish.count("█") <= 2
    assert "RUNNING, 5 s" in publish


def test_attempts_waits_and_holds_are_spans_of_their_own():
    spans = [span("QUEUED", 0, 2), span("RETRIES", 2, 6), span("ATTEMPT", 6, 8, attempt=3)]
    waived = Decision(action="waive", by="ann", reason="fine")
    run = run_of(
        record("load", 0, 8, spans=spans, attempt=3),
        record("check", 8, 16, kind="lambda", spans=[span("HELD", 8, 16)], decision=waived),
        ends=16,
        status="COMPLETED",
    )
    found = bars(CHAIN, run)
    load = found["load"]
    assert re.search(r" ·+▒+█+ ", load)
    assert abs(load.count("▒") - 2 * load.count("█")) <= 3
    assert found["check"].count("▓") > load.count("▒")
    assert "waived by ann: fine" in found["check"]
    assert "attempt 3" in load


def test_a_gate_takes_no_time_and_a_kept_step_has_none():
    run = run_of(
        record("load", -50, -40, kept_from="r0"), record("check", 1, 1, kind="lambda"), ends=2, status="FAILED"
    )
    found = bars(CHAIN, run)
    assert "KEPT, from run r0" in found["load"]
    assert "█" not in found["load"]
    assert found["check"].count("◆") == 1


def test_what_was_before_the_run_began_is_not_drawn():
    """A run that was reset has the history of the one that it goes on from."""
    old, new = span("ATTEMPT", -20, -10), span("ATTEMPT", -1, 3)
    [row] = timeline_of(CHAIN, run_of(record("load", 0, 3, spans=[old, new]), ends=4, status="COMPLETED")).rows
    assert [(each.begins, each.ends) for each in row.spans] == [(run_of().started_at, new.ends)]


def test_a_map_has_a_row_for_each_of_its_first_items():
    items = {f"each[{number}]": [span("ATTEMPT", number, number + 1, failed=number == 1)] for number in range(20)}
    run = run_of(record("each", 0, 20, kind="map", items=items), ends=20, status="COMPLETED")
    rows = timeline_of(BRANCHED, run).rows
    assert [row.name for row in rows][-2:] == ["each[11]", "and 8 more"]
    assert [row.status for row in rows[1:4]] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert {row.depth for row in rows[1:]} == {1}


def test_every_line_fits_the_terminal():
    error = "many words of an error that goes on and on, longer than any line of a terminal has room for"
    run = run_of(
        record("ingest", 0, 5, rows=5000),
        record("validate_normalize", 5, 6, kind="lambda", status="FAILED", error=error, error_category="DATA_QUALITY"),
        ends=6,
        status="FAILED",
    )
    for width in (60, 80, 120):
        lines = text(timeline_lines(plan_of(WEEKLY_REFRESH), run, width=width)).split("\n")
        assert max(map(len, lines)) <= width


def test_the_axis_has_round_marks_from_a_millisecond_to_years():
    for ends in (0.004, 0.9, 59, 3000, 90_000, 3e6, 1e8):
        marks = timeline_of(CHAIN, run_of(ends=ends, status="COMPLETED")).marks(6)
        assert 2 <= len(marks) <= 7
        assert marks[0] == (0, "0 s")
        assert all(0 <= share <= 1 for share, _ in marks)

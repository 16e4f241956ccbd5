"""A graph shows every step once, in its place, and nothing of it covers anything else."""

import re
from itertools import combinations

import pytest
from hypothesis import given, settings

from spine_temporal.drawing.blocks import Beside, Fork, One, blocks_of, steps_of
from spine_temporal.drawing.layout import laid_out
from spine_temporal.drawing.run_record import Check
from spine_temporal.drawing.shapes import CHARACTERS, PIXELS, Card, Frame, Label, Line
from spine_temporal.drawing.terminal_graph import graph_lines
from spine_temporal.machine.planning import plan_of
from tests.unit.drawing.builders import BRANCHED, INNER, NESTED, ROUTED, plans, record, run_of, text
from workflows.finra.otc_transparency import WEEKLY_REFRESH


def test_a_chain_with_branches_is_blocks_that_meet_again():
    chain = blocks_of(BRANCHED)
    kinds = [type(item) for item in chain.items]
    assert kinds == [One, Fork, One, Fork, Beside, One, One]
    large, late = (item for item in chain.items if isinstance(item, Fork))
    assert [[step.name for step in steps_of(branch.chain)] for branch in large.branches] == [
        ["split"],
        ["whole", "check_whole"],
    ]
    assert [len(branch.chain.items) for branch in late.branches] == [1, 0]


def test_a_choice_within_a_branch_meets_before_the_branch_ends():
    [outer, end] = blocks_of(NESTED).items
    assert end.step.name == "end"
    assert [type(item) for item in outer.branches[0].chain.items] == [Fork]


def test_a_step_that_only_a_gate_routes_to_stands_aside_and_says_where_it_goes_on():
    lines = text(graph_lines(ROUTED, width=100))
    assert "where a gate routes to it; then left" in lines
    assert "╎" in lines


def test_the_weekly_refresh_reads_well_at_80_columns():
    assert text(graph_lines(plan_of(WEEKLY_REFRESH), width=80)).split("\n")[:9] == [
        "finra.otc_transparency.weekly_refresh  version 1",
        "",
        "                        ○",
        "                        ▼",
        "  ╭─ pipeline ────────────────────────────────╮",
        "  │ ingest                                    │",
        "  │ finra.otc_transparency.ingest_week        │",
        "  ╰─────────────────────┬─────────────────────╯",
        "                        ▼",
    ]


def test_branches_stand_beside_each_other_and_meet():
    lines = text(graph_lines(NESTED, width=80)).split("\n")
    split = next(line for line in lines if "┴" in line)
    assert re.fullmatch(r" +╭─+┴─+╮", split)
    assert re.fullmatch(r" +│ yes +│ no", lines[lines.index(split) + 1])
    assert sum("┬" in line and "╰" in line and "╭" not in line for line in lines) > 3


def test_where_there_is_little_room_branches_stand_below_each_other():
    lines = text(graph_lines(NESTED, width=40)).split("\n")
    assert max(map(len, lines)) <= 40
    assert any("├─ yes ─" in line for line in lines)
    assert any("╰─ no ──" in line for line in lines)


def test_a_sub_workflow_is_drawn_with_its_steps_where_that_is_asked_for():
    drawn = text(graph_lines(BRANCHED, width=100, inner={"inner": plan_of(INNER)}))
    assert "three, sub-workflow" in drawn
    assert drawn.count("load") == 2


def test_a_run_says_how_each_step_went():
    run = run_of(
        record("ingest", 0, 1.5, rows=5000, attempt=3, lost=1),
        record("large", 1.5, 1.5, kind="choice", checks=[Check(name="rows", value=5000, threshold=1000, passed=True)]),
        record("split", status="SKIPPED"),
        record("whole", 2, 3, status="FAILED", error="bad \x1b[31mdata", error_category="DATA_QUALITY"),
        ends=3,
        status="FAILED",
    )
    drawn = text(graph_lines(BRANCHED, width=80, run=run))
    assert "FAILED, took 3 s: began 2025-11-28 12:00:00 UTC" in drawn
    assert "1.50 s, 5,000 rows, attempt 3, 1 lost" in drawn
    assert "rows 5,000, threshold 1,000: passed" in drawn
    assert "bad  [31mdata (DATA_QUALITY)" in drawn
    assert re.search(r"╭─ pipeline ─+ SKIPPED ─╮", drawn)
    assert re.search(r"╭─ wait ─+ NOT REACHED ─╮", drawn)
    assert ("╭─ pipeline", "red") not in graph_lines(BRANCHED, run=run)


def test_secrets_of_a_gates_config_are_not_drawn():
    from tests.unit.machine_builders import gate, planned

    drawn = text(graph_lines(planned(gate("check", config={"password": "hunter2hunter2", "rows": 3}))))
    assert "hunter2" not in drawn
    assert "rows 3" in drawn


def boxes(laid):
    cards = [shape for shape in laid.shapes if isinstance(shape, Card)]
    frames = [shape for shape in laid.shapes if isinstance(shape, Frame)]
    return cards, frames


def apart(one, other):
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def inside(one, other):
    return (
        other.x <= one.x
        and other.y <= one.y
        and one.x + one.width <= other.x + other.width
        and one.y + one.height <= other.y + other.height
    )


def crosses(line, card, stroke):
    """Whether a line goes through the inside of a card; its ends touch borders."""
    for (x0, y0), (x1, y1) in zip(line.points, line.points[1:], strict=False):
        left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        within_x = left < card.x + card.width - stroke and right > card.x
        within_y = top < card.y + card.height - stroke and bottom > card.y
        if within_x and within_y:
            return True
    return False


@pytest.mark.parametrize("scale", [CHARACTERS, PIXELS], ids=["characters", "pixels"])
@pytest.mark.parametrize("width", [None, 1.0, 0.3], ids=["any width", "usual", "narrow"])
@settings(max_examples=25, deadline=None)
@given(plan=plans())
def test_nothing_covers_anything_else_whatever_the_plan(scale, width, plan):
    room = None if width is None else int((80 if scale is CHARACTERS else 1300) * width)
    laid = laid_out(plan, blocks_of(plan), scale=scale, width=room)
    cards, frames = boxes(laid)
    assert sorted(card.name for card in cards) + sorted(frame.title.split(",")[0] for frame in frames) != []
    drawn = sorted([card.name for card in cards] + [frame.title.removesuffix(", parallel") for frame in frames])
    assert drawn == sorted(plan.places)
    assert all(apart(one, other) for one, other in combinations(cards, 2))
    assert all(apart(card, frame) or inside(card, frame) for card in cards for frame in frames)
    lines = [shape for shape in laid.shapes if isinstance(shape, Line)]
    assert not [(line, card) for line in lines for card in cards if crosses(line, card, scale.stroke)]
    for shape in (*cards, *frames):
        assert 0 <= shape.x <= shape.x + shape.width <= laid.width
        assert 0 <= shape.y <= shape.y + shape.height <= laid.height
    words = [shape for shape in laid.shapes if isinstance(shape, Label)]
    assert all(word.x >= 0 and word.x + len(word.text) * scale.text <= laid.width for word in words)


@settings(max_examples=25, deadline=None)
@given(plan=plans())
def test_a_terminal_shows_every_name_once(plan):
    drawn = text(graph_lines(plan, width=80))
    for name in plan.places:
        assert len(re.findall(rf"\b{re.escape(name)}\b", drawn)) == 1

"""A week's captures: one per content, revisions beside each other, and one of them current."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import text

from activities.finra.otc_transparency.aggregate import AggregateWeek
from activities.finra.otc_transparency.captures import lock_week
from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.normalize import NormalizeWeek
from activities.finra.otc_transparency.tables import metadata
from activities.finra.otc_transparency.week import TIERS
from spine_temporal import SpineError
from tests.postgres.finra.weekly_file import line

CURRENT = text("SELECT capture_id FROM finra_otc_capture WHERE is_current")
DIFF = text("SELECT rows_added, rows_removed, rows_changed, delta_shares FROM finra_otc_revision_diff")
MANY = [line(symbol=f"S{number}") for number in range(1000)]


def contents(connection):
    """Every table's rows, less the moments at which they were written."""
    moments = "- 'captured_at' - 'last_observed_at' - 'created_at'"
    return {
        table.name: sorted(
            connection.execute(text(f"SELECT (to_jsonb(t) {moments})::text FROM {table.name} AS t")).scalars()
        )
        for table in metadata.sorted_tables
    }


def status(connection):
    return connection.execute(text("SELECT status FROM finra_otc_capture")).scalars().all()


def test_the_same_file_again_is_one_capture_and_changes_no_row(refresh, connection):
    first = refresh([line(), line(symbol="B"), line(symbol="")])
    before = contents(connection)
    second = refresh([line(symbol="B"), line(), line(symbol="")])
    assert (first[0]["skipped"], second[0]["skipped"]) == (False, True)
    assert {**second[0], "skipped": False} == first[0]
    assert second[1:] == first[1:]
    assert contents(connection) == before
    assert len(before["finra_otc_capture"]) == 1


def test_the_same_file_by_force_writes_the_same_rows_again(refresh, connection):
    lines = [line(), line(symbol="B"), line(symbol="")]
    first = refresh(lines)
    before = contents(connection)
    connection.execute(text("UPDATE finra_otc_line SET issue_name = 'spoilt'"))
    connection.execute(text("UPDATE finra_otc_normalized SET total_shares = 1"))
    connection.execute(text("UPDATE finra_otc_symbol_weekly SET total_shares = 1"))
    assert refresh(lines, force=True) == first
    assert contents(connection) == before


def test_a_changed_quantity_is_a_second_revision_and_going_back_makes_the_first_current(refresh, connection):
    first = refresh([line(), line(symbol="B")])[0]["capture_id"]
    ingest = refresh([line(shares="300"), line(symbol="B")])[0]
    assert ingest["revision"] == 2
    assert connection.execute(CURRENT).scalars().all() == [ingest["capture_id"]]
    assert tuple(connection.execute(DIFF).one()) == (0, 0, 1, 200)
    old = text("SELECT total_shares FROM finra_otc_normalized WHERE capture_id = :id AND symbol = 'ABCD'")
    assert connection.execute(old, {"id": first}).scalar() == 100
    shown = text("SELECT total_shares FROM finra_otc_normalized_current WHERE symbol = 'ABCD'")
    assert connection.execute(shown).scalars().all() == [300]
    back = refresh([line(), line(symbol="B")])[0]
    assert (back["capture_id"], back["revision"], back["skipped"]) == (first, 1, True)
    assert connection.execute(CURRENT).scalars().all() == [first]
    assert connection.execute(text("SELECT count(*) FROM finra_otc_capture")).scalar() == 2


def test_a_revisions_rows_are_counted_and_a_large_one_is_an_anomaly(refresh, connection, anomalies):
    refresh([line(symbol=name, shares="1000") for name in ("A", "B", "C")])
    refresh([line(symbol="A", shares="1000"), line(symbol="B", shares="1001"), line(symbol="D", shares="1149")])
    assert tuple(connection.execute(DIFF).one()) == (1, 1, 1, 150)
    assert "LARGE_REVISION" not in anomalies()
    refresh([line(symbol="A", shares="1000")])
    assert anomalies()["LARGE_REVISION"] == "WARN"


def test_a_revision_that_is_not_aggregated_does_not_become_current(refresh, connection):
    first = refresh([line()])[0]["capture_id"]
    refresh([line(shares="7")], steps=(IngestWeek, NormalizeWeek))
    assert connection.execute(CURRENT).scalar() == first


def test_a_week_and_a_tier_have_captures_of_their_own(refresh, connection):
    refresh([line()])
    refresh([line(updated="2025-12-22")], week_ending="2025-11-21")
    refresh([line(tier="NMS Tier 2")], tier="NMS_TIER_2")
    assert (
        connection.execute(text("SELECT revision FROM finra_otc_capture WHERE is_current")).scalars().all() == [1] * 3
    )


def test_pipelines_out_of_order_say_which_comes_first(refresh):
    with pytest.raises(SpineError, match=r"^NO_CAPTURE: .* run ingest_week first"):
        refresh([line()], steps=(NormalizeWeek,))
    with pytest.raises(SpineError, match=r"^NOT_NORMALIZED: .* run normalize_week first"):
        refresh(MANY, steps=(IngestWeek, AggregateWeek))


def test_a_capture_beyond_a_gates_limits_is_marked_and_does_not_become_current(refresh, connection):
    first = refresh(MANY)[0]["capture_id"]
    assert status(connection) == ["AGGREGATED"]
    few = refresh(MANY[:999], steps=(IngestWeek,))[0]
    broken = refresh([*MANY, *["OTC|cut"] * 11], steps=(IngestWeek,))[0]
    blank = refresh([*MANY, *[line(symbol="")] * 60], steps=(IngestWeek, NormalizeWeek))[0]
    marked = text("SELECT capture_id FROM finra_otc_capture WHERE status = 'FAILED_GATE'")
    assert set(connection.execute(marked).scalars()) == {item["capture_id"] for item in (few, broken, blank)}
    assert connection.execute(CURRENT).scalars().all() == [first]


def test_the_stages_of_a_capture_are_its_status(refresh, connection):
    seen = []
    for step in (IngestWeek, NormalizeWeek, AggregateWeek):
        refresh(MANY, steps=(step,))
        seen += status(connection)
    assert seen == ["INGESTED", "NORMALIZED", "AGGREGATED"]


def test_two_transactions_on_one_week_take_turns(engine):
    tier, week = TIERS["OTC"], date(2025, 11, 28)

    def second():
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '200ms'"))
            lock_week(connection, tier, date(2025, 11, 21))
            try:
                lock_week(connection, tier, week)
            except Exception as error:  # noqa: BLE001 - its kind is the driver's
                return str(error)
            return "locked"

    with ThreadPoolExecutor(1) as threads, engine.begin() as connection:
        lock_week(connection, tier, week)
        assert "lock timeout" in threads.submit(second).result(10)
        connection.rollback()
        assert threads.submit(second).result(10) == "locked"


def _delete_line(place):
    return f"DELETE FROM finra_otc_line WHERE line_no = (SELECT min(line_no) + {place} FROM finra_otc_line)"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("UPDATE finra_otc_symbol_weekly SET total_shares = total_shares + 1", "the same shares and trades"),
        ("UPDATE finra_otc_venue_weekly SET total_trades = total_trades + 1", "the same shares and trades"),
        ("UPDATE finra_otc_symbol_venue SET venue_share = 0.4", "add up to 1"),
        ("UPDATE finra_otc_symbol_weekly SET hhi = 0.1", "at least 1/venue_count"),
        ("UPDATE finra_otc_symbol_weekly SET hhi = 1.1", "at most 1"),
        ("UPDATE finra_otc_symbol_weekly SET venue_count = venue_count + 1", "accepted rows"),
        ("UPDATE finra_otc_venue_weekly SET rank = rank + 1", "without gaps"),
        ("DELETE FROM finra_otc_reject", "rows of the source"),
        ("DELETE FROM finra_otc_line", "comes from a raw line"),
        (_delete_line(0), "comes from a raw line"),
        (_delete_line(1), "comes from a raw line"),
    ],
)
def test_tables_that_do_not_agree_fail_the_step(refresh, connection, spoil, sentence):
    refresh([line(), line(mpid="OTCX"), line(symbol="")])
    connection.execute(text(spoil))
    with pytest.raises(SpineError, match=f"^INVARIANT: .*{sentence}"):
        refresh([line(), line(mpid="OTCX"), line(symbol="")], steps=(AggregateWeek,))


def test_lines_whose_numbers_have_gaps_are_looked_up_one_by_one(refresh, connection):
    week = [line(), line(symbol=""), line(mpid="OTCX")]
    refresh(week)
    connection.execute(text(_delete_line(1)))
    refresh(week, steps=(AggregateWeek,))

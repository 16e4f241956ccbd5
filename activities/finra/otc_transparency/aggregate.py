"""``aggregate_week``: symbol, venue and tier totals of a capture, checked, and the switch to it."""

from typing import Any

from sqlalchemy import text

from activities.finra.otc_transparency.captures import Capture, lock_week, make_current, newest_capture, store_diff
from activities.finra.otc_transparency.invariants import check_invariants
from activities.finra.otc_transparency.thresholds import USUAL_REVISION
from activities.finra.otc_transparency.week import tier_of, week_ending_of
from spine_temporal import ErrorCategory, Pipeline, SpineError, register_pipeline

TABLES = ("symbol_venue", "symbol_weekly", "venue_weekly", "tier_weekly")

_HEAD = ":capture_id, :execution_id, CAST(:week_ending AS date), :tier"

_SYMBOL_VENUE = f"""
    INSERT INTO finra_otc_symbol_venue
        (capture_id, execution_id, week_ending, tier, symbol, mpid, shares, trades, venue_share)
    SELECT {_HEAD}, symbol, mpid, total_shares, total_trades,
        total_shares / nullif(sum(total_shares) OVER (PARTITION BY symbol), 0)
    FROM finra_otc_normalized WHERE capture_id = :capture_id
"""

# The top venue: most shares, then the first MPID. Names: the longest, then the first.
_SYMBOL_WEEKLY = f"""
    INSERT INTO finra_otc_symbol_weekly
        (capture_id, execution_id, week_ending, tier, symbol, issue_name, total_shares, total_trades, venue_count,
         avg_trade_size, hhi, top_mpid, top_venue_share)
    SELECT {_HEAD}, symbol,
        (array_agg(issue_name ORDER BY length(issue_name) DESC, issue_name COLLATE "C")
            FILTER (WHERE issue_name IS NOT NULL))[1],
        sum(total_shares), sum(total_trades), count(*), sum(total_shares) / nullif(sum(total_trades), 0),
        sum(total_shares * total_shares) / nullif(sum(total_shares) ^ 2, 0),
        (array_agg(mpid ORDER BY total_shares DESC, mpid))[1], max(total_shares) / nullif(sum(total_shares), 0)
    FROM finra_otc_normalized WHERE capture_id = :capture_id GROUP BY symbol
"""

_VENUE_WEEKLY = f"""
    INSERT INTO finra_otc_venue_weekly
        (capture_id, execution_id, week_ending, tier, mpid, venue_name, total_shares, total_trades, symbol_count,
         share, rank)
    SELECT {_HEAD}, mpid,
        (array_agg(venue_name ORDER BY length(venue_name) DESC, venue_name COLLATE "C")
            FILTER (WHERE venue_name IS NOT NULL))[1],
        sum(total_shares), sum(total_trades), count(*),
        sum(total_shares) / nullif(sum(sum(total_shares)) OVER (), 0),
        row_number() OVER (ORDER BY sum(total_shares) DESC, mpid)
    FROM finra_otc_normalized WHERE capture_id = :capture_id GROUP BY mpid
"""

_TIER_WEEKLY = f"""
    INSERT INTO finra_otc_tier_weekly
        (capture_id, execution_id, week_ending, tier, total_shares, total_trades, symbol_count, venue_count,
         row_count, reject_count, hhi_by_venue, hhi_by_symbol, top_symbol, top_symbol_share)
    WITH symbols AS (
        SELECT sum(total_shares) AS shares, sum(total_trades) AS trades, count(*) AS symbols,
            sum(total_shares * total_shares) AS squares, max(total_shares) AS most,
            (array_agg(symbol ORDER BY total_shares DESC, symbol))[1] AS top
        FROM finra_otc_symbol_weekly WHERE capture_id = :capture_id
    ), venues AS (
        SELECT count(*) AS venues, sum(total_shares * total_shares) AS squares
        FROM finra_otc_venue_weekly WHERE capture_id = :capture_id
    )
    SELECT {_HEAD}, coalesce(shares, 0), coalesce(trades, 0), symbols, venues,
        (SELECT row_count FROM finra_otc_capture WHERE capture_id = :capture_id),
        (SELECT count(*) FROM finra_otc_reject WHERE capture_id = :capture_id),
        venues.squares / nullif(shares ^ 2, 0), symbols.squares / nullif(shares ^ 2, 0), top,
        most / nullif(shares, 0)
    FROM symbols, venues
"""

#: What aggregates a capture, in this order.
STATEMENTS = (_SYMBOL_VENUE, _SYMBOL_WEEKLY, _VENUE_WEEKLY, _TIER_WEEKLY)

_SUMMARY = text("""
    SELECT total_shares, total_trades, symbol_count, venue_count, row_count, reject_count,
        hhi_by_venue AS tier_hhi, hhi_by_symbol
    FROM finra_otc_tier_weekly WHERE capture_id = :capture_id
""")


@register_pipeline("finra.otc_transparency.aggregate_week")
class AggregateWeek(Pipeline):
    """Aggregate the newest capture, check the invariants, and make it the week's current one."""

    def run(self) -> dict[str, Any]:
        """Return the rows of every table, the totals, tier_hhi and invariants_ok."""
        tier = tier_of(self.params.get("tier"))
        week_ending = week_ending_of(self.params.get("week_ending"))
        lock_week(self.connection, tier, week_ending)
        capture = newest_capture(self.connection, tier, week_ending)
        if capture.status == "INGESTED":
            raise SpineError(
                f"capture {capture.capture_id} is {capture.status}: run normalize_week first",
                ErrorCategory.CONFIGURATION,
                code="NOT_NORMALIZED",
            )
        if capture.status != "AGGREGATED" or self.params.get("force"):
            self._write(capture)
        rows = check_invariants(self.connection, capture)
        previous = make_current(self.connection, capture)
        if previous is not None:
            self._record_revision(capture, previous)
        return capture.identity | rows | self._summary(capture) | {"invariants_ok": True}

    def _write(self, capture: Capture) -> None:
        values = capture.identity | {"execution_id": self.idempotency_key}
        for table in TABLES:
            self.connection.execute(
                text(f"DELETE FROM finra_otc_{table} WHERE capture_id = :capture_id"),
                values,
            )
        for statement in STATEMENTS:
            self.connection.execute(text(statement), values)
            self.heartbeat()

    def _record_revision(self, capture: Capture, previous: str) -> None:
        diff = store_diff(self.connection, capture, previous, self.idempotency_key)
        before = diff["previous_shares"] or 0
        if before and abs(diff["delta_shares"]) > before * type(before)(str(USUAL_REVISION)):
            self.record_anomaly(
                "LARGE_REVISION",
                f"shares changed by {diff['delta_shares']:,} against {before:,} in {previous}",
                metadata={"previous_capture_id": previous},
            )

    def _summary(self, capture: Capture) -> dict[str, Any]:
        row = self.connection.execute(_SUMMARY, {"capture_id": capture.capture_id}).mappings().one()
        return {**row, "total_shares": f"{row['total_shares'].normalize():f}"}

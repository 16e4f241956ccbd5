"""What must hold of a capture's tables before anybody sees them."""

from sqlalchemy import Connection, text

from activities.finra.otc_transparency.captures import Capture
from spine_temporal import ErrorCategory, SpineError

#: Column of the query below to what it says.
INVARIANTS = {
    "rows_add_up": "accepted and rejected rows add up to the rows of the source",
    "sums_are_equal": "every table has the same shares and trades in sum",
    "venue_shares_add_up": "venue shares add up to 1",
    "hhi_is_within_bounds": "HHI is at most 1 and at least 1/venue_count",
    "pairs_add_up": "symbols' venues and venues' symbols add up to the accepted rows",
    "ranks_have_no_gaps": "ranks run from 1 without gaps",
    "lines_are_known": "every normalized row comes from a raw line",
}

# Each table is read once: the large ones have a million rows. A file's lines have all numbers between the first and the
# last, but for blank ones: where that is so, no line needs to be looked up. Else EXCEPT and not an anti-join, which a
# planner that does not know how many lines were just copied answers by a million lookups.
_FACTS = text("""
    WITH line AS (
        SELECT min(line_no) AS first, max(line_no) AS last, max(line_no) - min(line_no) + 1 = count(*) AS has_all
        FROM finra_otc_line WHERE capture_id = :capture_id
    ), normalized AS (
        SELECT count(*) AS row_count, coalesce(sum(total_shares), 0) AS shares,
            coalesce(sum(total_trades), 0) AS trades, min(source_line) AS first, max(source_line) AS last
        FROM finra_otc_normalized WHERE capture_id = :capture_id
    ), of_symbols AS (
        SELECT count(*) AS row_count, sum(shares) AS shares, sum(trades) AS trades, sum(venue_share) AS total
        FROM finra_otc_symbol_venue WHERE capture_id = :capture_id GROUP BY symbol
    ), symbol_venue AS (
        SELECT coalesce(sum(row_count), 0) AS row_count, coalesce(sum(shares), 0) AS shares,
            coalesce(sum(trades), 0) AS trades,
            coalesce(bool_and(abs(total - 1) < 1e-9) FILTER (WHERE shares > 0), true) AS adds_up
        FROM of_symbols
    ), symbol_weekly AS (
        SELECT count(*) AS row_count, coalesce(sum(total_shares), 0) AS shares,
            coalesce(sum(total_trades), 0) AS trades, coalesce(sum(venue_count), 0) AS pairs,
            coalesce(bool_and(hhi <= 1 + 1e-12 AND hhi >= 1.0 / venue_count - 1e-12) FILTER (WHERE total_shares > 0),
                true) AS is_within_bounds
        FROM finra_otc_symbol_weekly WHERE capture_id = :capture_id
    ), venue_weekly AS (
        SELECT count(*) AS row_count, coalesce(sum(total_shares), 0) AS shares,
            coalesce(sum(total_trades), 0) AS trades, coalesce(sum(symbol_count), 0) AS pairs,
            coalesce(abs(sum(share) FILTER (WHERE total_shares > 0) - 1) < 1e-9, true) AS adds_up,
            coalesce(max(rank), 0) = count(*) AND count(DISTINCT rank) = count(*) AS has_no_gaps
        FROM finra_otc_venue_weekly WHERE capture_id = :capture_id
    ), tier_weekly AS (
        SELECT count(*) AS row_count, sum(total_shares) AS shares, sum(total_trades) AS trades
        FROM finra_otc_tier_weekly WHERE capture_id = :capture_id
    )
    SELECT symbol_venue.row_count::bigint AS symbol_venue_rows, symbol_weekly.row_count AS symbol_weekly_rows,
        venue_weekly.row_count AS venue_weekly_rows, tier_weekly.row_count AS tier_weekly_rows,
        normalized.row_count + (SELECT count(*) FROM finra_otc_reject WHERE capture_id = :capture_id)
            = (SELECT row_count FROM finra_otc_capture WHERE capture_id = :capture_id) AS rows_add_up,
        (normalized.shares, normalized.trades) = ALL (VALUES (symbol_venue.shares, symbol_venue.trades),
            (symbol_weekly.shares, symbol_weekly.trades), (venue_weekly.shares, venue_weekly.trades),
            (tier_weekly.shares, tier_weekly.trades)) AS sums_are_equal,
        symbol_venue.adds_up AND venue_weekly.adds_up AS venue_shares_add_up,
        symbol_weekly.is_within_bounds AS hhi_is_within_bounds,
        normalized.row_count = symbol_weekly.pairs AND normalized.row_count = venue_weekly.pairs AS pairs_add_up,
        venue_weekly.has_no_gaps AS ranks_have_no_gaps,
        CASE WHEN line.has_all THEN coalesce(normalized.first >= line.first AND normalized.last <= line.last, true)
            ELSE NOT EXISTS (
                SELECT source_line FROM finra_otc_normalized WHERE capture_id = :capture_id
                EXCEPT SELECT line_no FROM finra_otc_line WHERE capture_id = :capture_id
            ) END AS lines_are_known
    FROM line, normalized, symbol_venue, symbol_weekly, venue_weekly, tier_weekly
""")


def check_invariants(connection: Connection, capture: Capture) -> dict[str, int]:
    """Raise INVARIANT naming the first that does not hold; return the rows of every table, as ``<table>_rows``."""
    facts = connection.execute(_FACTS, {"capture_id": capture.capture_id}).mappings().one()
    for column, sentence in INVARIANTS.items():
        if not facts[column]:
            raise SpineError(
                f"in capture {capture.capture_id} it does not hold that {sentence}; nothing was kept",
                ErrorCategory.DATA_QUALITY,
                code="INVARIANT",
            )
    return {column: count for column, count in facts.items() if column.endswith("_rows")}

"""What must hold of a capture's tables before anybody sees them."""

from sqlalchemy import Connection, text

from activities.finra.otc_transparency.captures import Capture
from spine_temporal import ErrorCategory, SpineError

_SUMS = """
    SELECT count(DISTINCT (shares, trades)) = 1 FROM (
        SELECT coalesce(sum(total_shares), 0) AS shares, coalesce(sum(total_trades), 0) AS trades
        FROM finra_otc_normalized WHERE capture_id = :capture_id
        UNION ALL SELECT coalesce(sum(total_shares), 0), coalesce(sum(total_trades), 0)
        FROM finra_otc_symbol_weekly WHERE capture_id = :capture_id
        UNION ALL SELECT coalesce(sum(total_shares), 0), coalesce(sum(total_trades), 0)
        FROM finra_otc_venue_weekly WHERE capture_id = :capture_id
        UNION ALL SELECT coalesce(sum(shares), 0), coalesce(sum(trades), 0)
        FROM finra_otc_symbol_venue WHERE capture_id = :capture_id
        UNION ALL SELECT total_shares, total_trades FROM finra_otc_tier_weekly WHERE capture_id = :capture_id
    ) AS sums
"""

#: Sentence to query; each query answers whether it holds.
INVARIANTS = {
    "accepted and rejected rows add up to the rows of the source": """
        SELECT (SELECT count(*) FROM finra_otc_normalized WHERE capture_id = :capture_id)
            + (SELECT count(*) FROM finra_otc_reject WHERE capture_id = :capture_id)
            = (SELECT row_count FROM finra_otc_capture WHERE capture_id = :capture_id)
    """,
    "every table has the same shares and trades in sum": _SUMS,
    "venue shares add up to 1": """
        SELECT coalesce(bool_and(abs(total - 1) < 1e-9), true) FROM (
            SELECT sum(venue_share) AS total FROM finra_otc_symbol_venue WHERE capture_id = :capture_id
            GROUP BY symbol HAVING sum(shares) > 0
            UNION ALL SELECT sum(share) FROM finra_otc_venue_weekly WHERE capture_id = :capture_id
            HAVING sum(total_shares) > 0
        ) AS totals
    """,
    "HHI is at most 1 and at least 1/venue_count": """
        SELECT coalesce(bool_and(hhi <= 1 + 1e-12 AND hhi >= 1.0 / venue_count - 1e-12), true)
        FROM finra_otc_symbol_weekly WHERE capture_id = :capture_id AND total_shares > 0
    """,
    "symbols' venues and venues' symbols add up to the accepted rows": """
        SELECT count(DISTINCT pairs) = 1 FROM (
            SELECT count(*) AS pairs FROM finra_otc_normalized WHERE capture_id = :capture_id
            UNION ALL SELECT coalesce(sum(venue_count), 0)
            FROM finra_otc_symbol_weekly WHERE capture_id = :capture_id
            UNION ALL SELECT coalesce(sum(symbol_count), 0)
            FROM finra_otc_venue_weekly WHERE capture_id = :capture_id
        ) AS counts
    """,
    "ranks run from 1 without gaps": """
        SELECT coalesce(max(rank), 0) = count(*) AND count(DISTINCT rank) = count(*)
        FROM finra_otc_venue_weekly WHERE capture_id = :capture_id
    """,
    "every normalized row comes from a raw line": """
        SELECT NOT EXISTS (
            SELECT FROM finra_otc_normalized AS row LEFT JOIN finra_otc_line AS raw
                ON raw.capture_id = row.capture_id AND raw.line_no = row.source_line
            WHERE row.capture_id = :capture_id AND raw.line_no IS NULL
        )
    """,
}


def check_invariants(connection: Connection, capture: Capture) -> None:
    """Raise INVARIANT naming the first that does not hold."""
    for sentence, query in INVARIANTS.items():
        if not connection.execute(text(query), {"capture_id": capture.capture_id}).scalar():
            raise SpineError(
                f"in capture {capture.capture_id} it does not hold that {sentence}; nothing was kept",
                ErrorCategory.DATA_QUALITY,
                code="INVARIANT",
            )

"""``normalize_week``: type, check and dedupe the raw lines of a capture, in SQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from activities.finra.otc_transparency.captures import Capture, lock_week, newest_capture, set_status
from activities.finra.otc_transparency.thresholds import USUAL_CHANGE, WARN_BANDS
from activities.finra.otc_transparency.week import TIERS, tier_of, week_ending_of
from domains.finra.otc_transparency import GATES
from spine_temporal import Pipeline, Severity, register_pipeline

#: The characters that are cut off from a field's ends; btrim alone cuts spaces only.
_SPACE = r"E' \t\r\f\u000b\u00a0'"


def _trimmed(column: str) -> str:
    return f"btrim({column}, {_SPACE})"


# Dates are few and distinct, so each is checked once, which a planner would do for each row if it were not told to
# materialize them; a form that is no day of the calendar must not be cast.
# Cases are folded byte by byte (COLLATE "C") and digits are 0-9: a locale knows more letters and digits than FINRA.
_CHECKED = text(rf"""
    CREATE TEMPORARY TABLE finra_otc_checked ON COMMIT DROP AS
    WITH trimmed AS (
        SELECT line_no, lower({_trimmed("tier_description")} COLLATE "C") AS tier_text,
            {_trimmed("issue_symbol_identifier")} COLLATE "C" AS symbol,
            nullif({_trimmed("issue_name")}, '') AS issue_name,
            nullif({_trimmed("market_participant_name")}, '') AS venue_name,
            upper({_trimmed("mpid")} COLLATE "C") AS mpid,
            {_trimmed("total_weekly_share_quantity")} AS shares, {_trimmed("total_weekly_trade_count")} AS trades,
            {_trimmed("last_update_date")} AS updated
        FROM finra_otc_line WHERE capture_id = :capture_id AND tier_description IS NOT NULL
    ), seen AS MATERIALIZED (
        SELECT DISTINCT updated FROM trimmed
    ), forms AS (
        SELECT updated FROM seen
        WHERE updated ~ '^[12][0-9]{{3}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
    ), months AS (
        SELECT updated, make_date(left(updated, 4)::int, substr(updated, 6, 2)::int, 1) AS first FROM forms
    ), days AS (
        SELECT updated, first + right(updated, 2)::int - 1 AS day FROM months
        WHERE right(updated, 2)::int <= extract(day FROM first + interval '1 month' - interval '1 day')
    )
    SELECT trimmed.*, days.day, array_remove(ARRAY[
        CASE WHEN symbol = '' THEN 'EMPTY_SYMBOL'
            WHEN symbol !~ '^[A-Za-z0-9][A-Za-z0-9.\-/+=^$*#!]{{0,19}}$' THEN 'BAD_SYMBOL' END,
        CASE WHEN mpid = '' THEN 'EMPTY_MPID' WHEN mpid !~ '^[A-Z0-9]{{1,8}}$' THEN 'BAD_MPID' END,
        CASE WHEN shares !~ '^-?[0-9]{{1,14}}(\.[0-9]{{1,6}})?$' THEN 'BAD_SHARES' END,
        CASE WHEN trades !~ '^-?[0-9]{{1,18}}$' THEN 'BAD_TRADES' END,
        CASE WHEN (shares LIKE '-%' AND shares ~ '^-[0-9]{{1,14}}(\.[0-9]{{1,6}})?$')
            OR (trades LIKE '-%' AND trades ~ '^-[0-9]{{1,18}}$') THEN 'NEGATIVE_QUANTITY' END,
        CASE WHEN shares LIKE '0%' AND trades LIKE '0%' AND shares ~ '^0{{1,14}}(\.0{{1,6}})?$'
            AND trades ~ '^0{{1,18}}$' THEN 'ZERO_VOLUME' END,
        CASE WHEN day IS NULL OR day > :latest THEN 'BAD_DATE' END,
        CASE WHEN NOT tier_text = ANY(:spellings) THEN 'TIER_MISMATCH' END
    ], NULL) AS codes
    FROM trimmed LEFT JOIN days USING (updated)
""")

_LATEST = text("""
    SELECT (captured_at AT TIME ZONE 'UTC')::date + 1 FROM finra_otc_capture WHERE capture_id = :capture_id
""")

# Rows that are right by themselves but share their key: the same quantities keep the first, others keep none.
_DUPLICATES = text("""
    WITH repeated AS (
        SELECT symbol, mpid, min(line_no) AS first,
            count(DISTINCT (shares::numeric, trades::bigint)) > 1 AS conflict
        FROM finra_otc_checked WHERE codes = '{}' GROUP BY symbol, mpid HAVING count(*) > 1
    )
    UPDATE finra_otc_checked AS line
    SET codes = ARRAY[CASE WHEN repeated.conflict THEN 'DUPLICATE_CONFLICT' ELSE 'DUPLICATE_EXACT' END]
    FROM repeated
    WHERE line.codes = '{}' AND line.symbol = repeated.symbol AND line.mpid = repeated.mpid
        AND (repeated.conflict OR line.line_no <> repeated.first)
""")

_CLEAR = (
    text("DELETE FROM finra_otc_normalized WHERE capture_id = :capture_id"),
    text("DELETE FROM finra_otc_reject WHERE capture_id = :capture_id AND stage = 'normalize'"),
)

_REJECT = text("""
    INSERT INTO finra_otc_reject
        (capture_id, execution_id, week_ending, tier, line_no, stage, reason_code, reason_codes, detail, raw_line)
    SELECT :capture_id, :execution_id, :week_ending, :tier, line_no, 'normalize', codes[1], codes,
        CASE codes[1]
            WHEN 'BAD_SYMBOL' THEN 'issueSymbolIdentifier is ' || quote_literal(left(symbol, 40))
            WHEN 'BAD_MPID' THEN 'MPID is ' || quote_literal(left(mpid, 40))
            WHEN 'BAD_SHARES' THEN 'totalWeeklyShareQuantity is ' || quote_literal(left(shares, 40))
            WHEN 'BAD_TRADES' THEN 'totalWeeklyTradeCount is ' || quote_literal(left(trades, 40))
            WHEN 'NEGATIVE_QUANTITY' THEN shares || ' shares, ' || trades || ' trades'
            WHEN 'BAD_DATE' THEN 'lastUpdateDate is ' || quote_literal(left(updated, 40))
            WHEN 'TIER_MISMATCH' THEN 'tierDescription is ' || quote_literal(left(tier_text, 40))
            WHEN 'DUPLICATE_EXACT' THEN 'a line before it says the same'
            WHEN 'DUPLICATE_CONFLICT' THEN 'another line of its symbol and MPID has other quantities'
        END,
        (SELECT raw_line FROM finra_otc_raw AS raw
            WHERE raw.capture_id = :capture_id AND raw.line_no = finra_otc_checked.line_no)
    FROM finra_otc_checked WHERE codes <> '{}'
""")

_ACCEPT = text("""
    INSERT INTO finra_otc_normalized
        (capture_id, execution_id, week_ending, tier, symbol, mpid, total_shares, total_trades, issue_name,
         venue_name, source_last_update_date, source_line)
    SELECT :capture_id, :execution_id, :week_ending, :tier, symbol, mpid, shares::numeric, trades::bigint,
        issue_name, venue_name, day, line_no
    FROM finra_otc_checked WHERE codes = '{}'
""")

#: What types, checks and dedupes a capture, in this order.
STATEMENTS = (_CHECKED, _DUPLICATES, _REJECT, _ACCEPT)

# By symbol first, which is a hash of few; count(DISTINCT ...) would sort every row.
_COUNTS = text("""
    WITH symbols AS (
        SELECT symbol, count(*) AS lines, sum(total_shares) AS shares,
            count(*) FILTER (WHERE (total_shares = 0) <> (total_trades = 0)) AS one_sided,
            min(issue_name COLLATE "C") <> max(issue_name COLLATE "C") AS has_several_names
        FROM finra_otc_normalized WHERE capture_id = :capture_id GROUP BY symbol
    ), collisions AS (
        SELECT FROM symbols GROUP BY lower(symbol) HAVING count(*) > 1
    ), venues AS (
        SELECT DISTINCT mpid FROM finra_otc_normalized WHERE capture_id = :capture_id
    )
    SELECT coalesce(sum(lines), 0)::bigint AS accepted, count(*) AS symbol_count,
        (SELECT count(*) FROM venues) AS venue_count, coalesce(sum(shares), 0) AS total_shares,
        coalesce(sum(one_sided), 0)::bigint AS one_sided, (SELECT count(*) FROM collisions) AS collisions,
        count(*) FILTER (WHERE has_several_names) AS several_names
    FROM symbols
""")

# A line with a blank is always rejected.
_BLANKS = text(f"""
    SELECT count(*) FROM finra_otc_reject JOIN finra_otc_line USING (capture_id, line_no)
    WHERE capture_id = :capture_id AND tier_description IS NOT NULL
        AND ({_trimmed("issue_symbol_identifier")} = '' OR {_trimmed("mpid")} = ''
            OR {_trimmed("total_weekly_share_quantity")} = '' OR {_trimmed("total_weekly_trade_count")} = '')
""")

_REASONS = text("""
    SELECT reason_code, count(*) FROM finra_otc_reject WHERE capture_id = :capture_id
    GROUP BY reason_code ORDER BY reason_code
""")

_CONFLICTS = text(f"""
    SELECT count(DISTINCT ({_trimmed("issue_symbol_identifier")}, upper({_trimmed("mpid")} COLLATE "C")))
    FROM finra_otc_reject JOIN finra_otc_line USING (capture_id, line_no)
    WHERE capture_id = :capture_id AND reason_code = 'DUPLICATE_CONFLICT'
""")

_MEDIAN = text("""
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY row_count) FROM (
        SELECT row_count FROM finra_otc_capture
        WHERE is_current AND tier = :tier AND week_ending < :week_ending ORDER BY week_ending DESC LIMIT 6
    ) AS before
""")


@register_pipeline("finra.otc_transparency.normalize_week")
class NormalizeWeek(Pipeline):
    """Turn the newest capture's raw lines into typed rows and rejects."""

    def run(self) -> dict[str, Any]:
        """Return accepted, rejected, rejects_by_reason, the rates and the counts."""
        tier = tier_of(self.params.get("tier"))
        week_ending = week_ending_of(self.params.get("week_ending"))
        lock_week(self.connection, tier, week_ending)
        capture = newest_capture(self.connection, tier, week_ending)
        known = capture.status in {"NORMALIZED", "AGGREGATED"} and not self.params.get("force")
        if not known:
            self._write(capture)
        counts = self.connection.execute(_COUNTS, {"capture_id": capture.capture_id}).mappings().one()
        output = self._output(capture, counts)
        if not known:
            passes = GATES.pass_normalize(output["null_rate"], output["reject_rate"], output["duplicate_conflict_keys"])
            set_status(self.connection, capture.capture_id, "NORMALIZED" if passes else "FAILED_GATE")
        self._record(capture, output, counts)
        return output

    def _write(self, capture: Capture) -> None:
        values = capture.identity | {
            "execution_id": self.idempotency_key,
            "spellings": sorted(TIERS[capture.tier].spellings),
        }
        for statement in _CLEAR:
            self.connection.execute(statement, values)
        values["latest"] = self._latest(capture)
        for statement in STATEMENTS:
            self.connection.execute(statement, values)
            self.heartbeat()
        self.connection.execute(text("DROP TABLE finra_otc_checked"))
        self.connection.execute(text("ANALYZE finra_otc_normalized"))

    def _latest(self, capture: Capture) -> Any:
        """A row cannot have been updated after it was captured; a day is left for time zones."""
        return self.connection.execute(_LATEST, {"capture_id": capture.capture_id}).scalar_one()

    def _output(self, capture: Capture, counts: Mapping[str, Any]) -> dict[str, Any]:
        values = {"capture_id": capture.capture_id}
        reasons = {row[0]: row[1] for row in self.connection.execute(_REASONS, values)}
        blanks = self.connection.execute(_BLANKS, values).scalar_one()
        rejected = sum(reasons.values())
        return capture.identity | {
            "row_count": capture.row_count,
            "accepted": counts["accepted"],
            "rejected": rejected,
            "rejects_by_reason": reasons,
            "null_rate": blanks / capture.row_count,
            "reject_rate": rejected / capture.row_count,
            "duplicate_conflict_keys": self.connection.execute(_CONFLICTS, values).scalar_one(),
            "symbol_count": counts["symbol_count"],
            "venue_count": counts["venue_count"],
            "total_shares": f"{counts['total_shares'].normalize():f}",
            "one_sided": counts["one_sided"],
        }

    def _record(self, capture: Capture, output: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
        values = capture.identity
        band = WARN_BANDS[capture.tier]
        median = self.connection.execute(_MEDIAN, values).scalar()
        collisions, several = counts["collisions"], counts["several_names"]
        warnings = [
            ("SYMBOL_COUNT", output["symbol_count"] < band.least_symbols, f"{output['symbol_count']:,} symbols"),
            ("VENUE_COUNT", output["venue_count"] < band.least_venues, f"{output['venue_count']} venues"),
            ("ZERO_ONE_SIDED", output["one_sided"] > 0, f"{output['one_sided']} rows have shares or trades of zero"),
            ("SYMBOL_CASE_COLLISION", collisions > 0, f"{collisions} symbols are equal but for case"),
            ("SEVERAL_NAMES", several > 0, f"{several} symbols have more than one name; the longest is kept"),
            (
                "ROW_COUNT_CHANGE",
                median is not None and abs(capture.row_count - median) > USUAL_CHANGE * median,
                f"{capture.row_count:,} rows; the median of the weeks before is {median or 0:,.0f}",
            ),
        ]
        for category, met, message in warnings:
            if met:
                self.record_anomaly(category, message)
        if output["duplicate_conflict_keys"]:
            message = f"{output['duplicate_conflict_keys']} keys came with different quantities; none was kept"
            self.record_anomaly("DUPLICATE_CONFLICT", message, severity=Severity.ERROR)

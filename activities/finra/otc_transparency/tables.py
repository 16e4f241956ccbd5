"""The domain's tables. The migration makes them; a test keeps both equal."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
    }
)

_TIME = DateTime(timezone=True)
#: Keys sort byte by byte, whatever the database's locale.
_KEY = Text(collation="C")
_FRIDAY = "extract(isodow FROM week_ending) = 5"
_TIER = "tier IN ('NMS_TIER_1', 'NMS_TIER_2', 'OTC')"
_STATUS = "status IN ('INGESTED', 'NORMALIZED', 'AGGREGATED', 'FAILED_GATE')"


def _table(name: str, *parts: Any, large: bool = False) -> Table:
    """Return a table whose rows belong to a capture.

    A ``large`` one has no foreign key, which would be looked up for every row of a million: a quarter of the refresh.
    """
    references = [] if large else [ForeignKey("finra_otc_capture.capture_id", ondelete="CASCADE")]
    return Table(
        f"finra_otc_{name}",
        metadata,
        Column("capture_id", Text, *references, nullable=False),
        Column("execution_id", Text),
        Column("week_ending", Date, CheckConstraint(_FRIDAY), nullable=False),
        Column("tier", Text, CheckConstraint(_TIER), nullable=False),
        *parts,
    )


#: One row per content of a (tier, week).
capture = Table(
    "finra_otc_capture",
    metadata,
    Column("capture_id", Text, primary_key=True),
    Column("execution_id", Text),
    Column("tier", Text, CheckConstraint(_TIER), nullable=False),
    Column("week_ending", Date, CheckConstraint(_FRIDAY), nullable=False),
    Column("week_start", Date, nullable=False),
    #: "given", or "inferred" from the file's days of last update.
    Column("week_source", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False, server_default=text("false")),
    #: How far it has come; FAILED_GATE where its numbers are beyond a gate's limits.
    Column("status", Text, CheckConstraint(_STATUS), nullable=False),
    Column("source_type", Text, nullable=False),
    Column("source_uri", Text, nullable=False),
    Column("content_sha256", CHAR(64), nullable=False),
    Column("raw_sha256", CHAR(64), nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("error_count", Integer, nullable=False),
    Column("last_update_min", Date),
    Column("last_update_max", Date),
    Column("captured_at", _TIME, nullable=False),
    Column("last_observed_at", _TIME, nullable=False),
    UniqueConstraint("tier", "week_ending", "revision"),
    Index("finra_otc_capture_current", "tier", "week_ending", unique=True, postgresql_where=text("is_current")),
)

#: Every data line as it stood: its eight fields, or ``unsplit`` and the hash of its bytes where it did not split. The
#: view ``finra_otc_raw`` adds the whole line, its hash, and what all lines of a capture have in common.
line = Table(
    "finra_otc_line",
    metadata,
    Column("capture_id", Text, nullable=False),
    Column("line_no", Integer, nullable=False),
    Column("tier_description", Text),
    Column("issue_symbol_identifier", Text),
    Column("issue_name", Text),
    Column("market_participant_name", Text),
    Column("mpid", Text),
    Column("total_weekly_share_quantity", Text),
    Column("total_weekly_trade_count", Text),
    Column("last_update_date", Text),
    Column("unsplit", Text),
    Column("unsplit_hash", CHAR(64)),
    PrimaryKeyConstraint("capture_id", "line_no"),
)

#: The typed rows: one per symbol and venue.
normalized = _table(
    "normalized",
    Column("symbol", _KEY, nullable=False),
    Column("mpid", _KEY, nullable=False),
    Column("total_shares", Numeric(20, 6), CheckConstraint("total_shares >= 0"), nullable=False),
    Column("total_trades", BigInteger, CheckConstraint("total_trades >= 0"), nullable=False),
    Column("issue_name", Text),
    Column("venue_name", Text),
    Column("source_last_update_date", Date, nullable=False),
    Column("source_line", Integer, nullable=False),
    PrimaryKeyConstraint("capture_id", "symbol", "mpid"),
    Index("finra_otc_normalized_symbol", "symbol", "week_ending"),
    large=True,
)

#: The lines that were refused, each with all of its reasons; the first is ``reason_code``.
reject = _table(
    "reject",
    Column("line_no", Integer, nullable=False),
    Column("stage", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("reason_codes", ARRAY(Text), nullable=False),
    Column("detail", Text),
    Column("raw_line", Text, nullable=False),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("capture_id", "line_no"),
)

symbol_weekly = _table(
    "symbol_weekly",
    Column("symbol", _KEY, nullable=False),
    Column("issue_name", Text),
    Column("total_shares", Numeric(24, 6), nullable=False),
    Column("total_trades", BigInteger, nullable=False),
    Column("venue_count", Integer, nullable=False),
    Column("avg_trade_size", Numeric),
    Column("hhi", Double),
    Column("top_mpid", Text),
    Column("top_venue_share", Double),
    PrimaryKeyConstraint("capture_id", "symbol"),
    Index("finra_otc_symbol_weekly_shares", "week_ending", "tier", text("total_shares DESC")),
)

symbol_venue = _table(
    "symbol_venue",
    Column("symbol", _KEY, nullable=False),
    Column("mpid", _KEY, nullable=False),
    Column("shares", Numeric(20, 6), nullable=False),
    Column("trades", BigInteger, nullable=False),
    Column("venue_share", Double, CheckConstraint("venue_share BETWEEN 0 AND 1")),
    PrimaryKeyConstraint("capture_id", "symbol", "mpid"),
    large=True,
)

venue_weekly = _table(
    "venue_weekly",
    Column("mpid", _KEY, nullable=False),
    Column("venue_name", Text),
    Column("total_shares", Numeric(24, 6), nullable=False),
    Column("total_trades", BigInteger, nullable=False),
    Column("symbol_count", Integer, nullable=False),
    Column("share", Double),
    Column("rank", Integer, nullable=False),
    PrimaryKeyConstraint("capture_id", "mpid"),
)

tier_weekly = _table(
    "tier_weekly",
    Column("total_shares", Numeric(26, 6), nullable=False),
    Column("total_trades", BigInteger, nullable=False),
    Column("symbol_count", Integer, nullable=False),
    Column("venue_count", Integer, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("reject_count", Integer, nullable=False),
    Column("hhi_by_venue", Double),
    Column("hhi_by_symbol", Double),
    Column("top_symbol", Text),
    Column("top_symbol_share", Double),
    PrimaryKeyConstraint("capture_id"),
)

#: What a capture changed against the one that was current before it.
revision_diff = _table(
    "revision_diff",
    Column("previous_capture_id", Text, nullable=False),
    Column("rows_added", Integer, nullable=False),
    Column("rows_removed", Integer, nullable=False),
    Column("rows_changed", Integer, nullable=False),
    Column("delta_shares", Numeric(26, 6), nullable=False),
    PrimaryKeyConstraint("capture_id", "previous_capture_id"),
)

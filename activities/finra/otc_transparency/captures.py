"""Captures: one per content of a (tier, week); revisions, and which of them is current."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from activities.finra.otc_transparency.week import Tier
from spine_temporal import ErrorCategory, SpineError

_FIND = text("SELECT * FROM finra_otc_capture WHERE capture_id = :capture_id")

_NEWEST = text("""
    SELECT * FROM finra_otc_capture WHERE tier = :tier AND week_ending = :week_ending
    ORDER BY last_observed_at DESC, revision DESC LIMIT 1
""")

_OBSERVE = text("UPDATE finra_otc_capture SET last_observed_at = clock_timestamp() WHERE capture_id = :capture_id")

_INSERT = text("""
    INSERT INTO finra_otc_capture
        (capture_id, execution_id, tier, week_ending, week_start, week_source, revision, status, source_type,
         source_uri, content_sha256, raw_sha256, byte_count, row_count, error_count, last_update_min,
         last_update_max, captured_at, last_observed_at)
    SELECT :capture_id, :execution_id, :tier, :week_ending, :week_start, :week_source,
        coalesce(max(revision), 0) + 1, 'INGESTED', :source_type, :source_uri, :content_sha256, :raw_sha256,
        :byte_count, :row_count, :error_count, :last_update_min, :last_update_max, clock_timestamp(),
        clock_timestamp()
    FROM finra_otc_capture WHERE tier = :tier AND week_ending = :week_ending
""")

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('finra.otc_transparency/' || :tier || '/' || :week, 0))")

_STATUS = text("UPDATE finra_otc_capture SET status = :status WHERE capture_id = :capture_id")

_INGESTED = text("""
    UPDATE finra_otc_capture SET status = :status, execution_id = :execution_id WHERE capture_id = :capture_id
""")

_UNSET_CURRENT = text("""
    UPDATE finra_otc_capture SET is_current = false
    WHERE tier = :tier AND week_ending = :week_ending AND is_current AND capture_id <> :capture_id
    RETURNING capture_id
""")

_SET_CURRENT = text("""
    UPDATE finra_otc_capture SET is_current = true, status = 'AGGREGATED' WHERE capture_id = :capture_id
""")

_DIFF = text("""
    INSERT INTO finra_otc_revision_diff
        (capture_id, execution_id, week_ending, tier, previous_capture_id, rows_added, rows_removed, rows_changed,
         delta_shares)
    SELECT :capture_id, :execution_id, :week_ending, :tier, :previous,
        count(*) FILTER (WHERE old.symbol IS NULL), count(*) FILTER (WHERE new.symbol IS NULL),
        count(*) FILTER (WHERE (new.total_shares, new.total_trades) <> (old.total_shares, old.total_trades)),
        coalesce(sum(new.total_shares), 0) - coalesce(sum(old.total_shares), 0)
    FROM (SELECT * FROM finra_otc_normalized WHERE capture_id = :capture_id) AS new
    FULL JOIN (SELECT * FROM finra_otc_normalized WHERE capture_id = :previous) AS old USING (symbol, mpid)
    ON CONFLICT (capture_id, previous_capture_id) DO UPDATE SET
        execution_id = excluded.execution_id, rows_added = excluded.rows_added,
        rows_removed = excluded.rows_removed, rows_changed = excluded.rows_changed,
        delta_shares = excluded.delta_shares
    RETURNING rows_added, rows_removed, rows_changed, delta_shares,
        (SELECT sum(total_shares) FROM finra_otc_normalized WHERE capture_id = :previous) AS previous_shares
""")


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A capture as the pipelines after ingest see it."""

    capture_id: str
    execution_id: str | None
    tier: str
    week_ending: date
    status: str
    revision: int
    row_count: int
    error_count: int
    content_sha256: str
    last_update_min: date | None
    last_update_max: date | None

    @property
    def identity(self) -> dict[str, Any]:
        """What every output says of its capture."""
        return {"capture_id": self.capture_id, "week_ending": self.week_ending, "tier": self.tier}


def capture_id_of(tier: Tier, week_ending: date, content_sha256: str) -> str:
    """Return the id: the same content gives the same one, on every attempt."""
    return f"finra.otc_transparency:{tier.name}:{week_ending}:{content_sha256[:12]}"


def lock_week(connection: Connection, tier: Tier, week_ending: date) -> None:
    """Wait until no other transaction works on the week; the lock goes with this one's end."""
    connection.execute(_LOCK, {"tier": tier.name, "week": week_ending.isoformat()})


def find_capture(connection: Connection, capture_id: str) -> Capture | None:
    """Return the capture of that id."""
    return _capture(connection.execute(_FIND, {"capture_id": capture_id}).mappings().one_or_none())


def newest_capture(connection: Connection, tier: Tier, week_ending: date) -> Capture:
    """Return the capture that was observed last; raise where the week has none."""
    row = connection.execute(_NEWEST, {"tier": tier.name, "week_ending": week_ending}).mappings().one_or_none()
    found = _capture(row)
    if found is None:
        raise SpineError(
            f"{tier.name} of week ending {week_ending} has no capture: run ingest_week first",
            ErrorCategory.CONFIGURATION,
            code="NO_CAPTURE",
        )
    return found


def insert_capture(connection: Connection, values: Mapping[str, Any]) -> None:
    """Write a capture as the next revision of its week."""
    connection.execute(_INSERT, dict(values))


def observe(connection: Connection, capture_id: str) -> None:
    """Note that the source still gives this content."""
    connection.execute(_OBSERVE, {"capture_id": capture_id})


def set_status(connection: Connection, capture_id: str, status: str) -> None:
    """Set how far the capture has come."""
    connection.execute(_STATUS, {"capture_id": capture_id, "status": status})


def set_ingested(connection: Connection, capture_id: str, status: str, execution_id: str) -> None:
    """Set the status after the raw lines were written, and which execution has written them."""
    connection.execute(_INGESTED, {"capture_id": capture_id, "status": status, "execution_id": execution_id})


def make_current(connection: Connection, capture: Capture) -> str | None:
    """Make the capture its week's current one; return the id of the one that was."""
    values = {"capture_id": capture.capture_id, "tier": capture.tier, "week_ending": capture.week_ending}
    previous: str | None = connection.execute(_UNSET_CURRENT, values).scalar()
    connection.execute(_SET_CURRENT, values)
    return previous


def store_diff(connection: Connection, capture: Capture, previous: str, execution_id: str) -> Mapping[str, Any]:
    """Write what the capture changed against the one before; return the row and the shares before."""
    values = {
        "capture_id": capture.capture_id,
        "previous": previous,
        "execution_id": execution_id,
        "tier": capture.tier,
        "week_ending": capture.week_ending,
    }
    return dict(connection.execute(_DIFF, values).mappings().one())


def _capture(row: RowMapping | None) -> Capture | None:
    return None if row is None else Capture(**{name: row[name] for name in Capture.__dataclass_fields__})

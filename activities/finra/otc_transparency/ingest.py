"""``ingest_week``: fetch all bytes, hash them, keep the raw lines. Structure only; nothing is typed here."""

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from activities.finra.otc_transparency.captures import (
    Capture,
    capture_id_of,
    find_capture,
    insert_capture,
    observe,
    set_status,
)
from activities.finra.otc_transparency.parse import FIELD_COUNT, ParsedFile, parse
from activities.finra.otc_transparency.raw_rows import write_raw
from activities.finra.otc_transparency.source import SourceBytes, read_source
from activities.finra.otc_transparency.thresholds import WARN_BANDS
from activities.finra.otc_transparency.week import (
    Tier,
    bad_param,
    monday_of,
    publication_day,
    publication_monday,
    tier_of,
    week_ending_of,
    week_of_publication,
)
from spine_temporal import ErrorCategory, Pipeline, SpineError, register_pipeline

_CLEAR_ROWS = tuple(
    text(f"DELETE FROM finra_otc_{table} WHERE capture_id = :capture_id") for table in ("raw", "reject")
)


@register_pipeline("finra.otc_transparency.ingest_week")
class IngestWeek(Pipeline):
    """Capture one week of one tier as its source has it now."""

    def run(self) -> dict[str, Any]:
        """Return row_count, error_count, capture_id, content_sha256, revision, skipped and the dates."""
        tier = tier_of(self.params.get("tier"))
        given = self.params.get("week_ending")
        week_ending = None
        if given is not None:
            week_ending = week_ending_of(given, strict=bool(self.params.get("strict_week_ending")))
            self._check_published(tier, week_ending)
        elif not self.params.get("file_path"):
            raise bad_param("week_ending is missing: only a file can tell its week itself")
        source = read_source(self.params, tier, week_ending or date.today(), self.heartbeat)  # noqa: DTZ011
        self.heartbeat("bytes", len(source.data))
        parsed = parse(source.data, source.uri)
        self._check_tier(parsed, tier, source)
        dates = _dates(parsed)
        week_source = "given"
        if week_ending is None:
            week_ending, week_source = self._inferred(dates, tier, source), "inferred"
        self._check_week(dates, tier, week_ending, source)
        return self._capture(tier, week_ending, week_source, source, parsed, dates)

    def _capture(
        self,
        tier: Tier,
        week_ending: date,
        week_source: str,
        source: SourceBytes,
        parsed: ParsedFile,
        dates: list[date],
    ) -> dict[str, Any]:
        content = parsed.content_sha256
        capture_id = capture_id_of(tier, week_ending, content)
        known = find_capture(self.connection, capture_id)
        skipped = known is not None and not self.params.get("force")
        if known is None:
            values = {
                "capture_id": capture_id,
                "execution_id": self.idempotency_key,
                "tier": tier.name,
                "week_ending": week_ending,
                "week_start": monday_of(week_ending),
                "week_source": week_source,
                "source_type": source.source_type,
                "source_uri": source.uri,
                "content_sha256": content,
                "raw_sha256": hashlib.sha256(source.data).hexdigest(),
                "byte_count": len(source.data),
                "row_count": len(parsed.lines),
                "error_count": len(parsed.bad),
                "last_update_min": min(dates, default=None),
                "last_update_max": max(dates, default=None),
            }
            insert_capture(self.connection, values)
        else:
            observe(self.connection, capture_id)
        if not skipped:
            self._write(capture_id, tier, week_ending, parsed)
        self._record_structure(parsed, tier)
        capture = find_capture(self.connection, capture_id)
        assert capture is not None  # noqa: S101 - inserted above
        return _output(capture, skipped=skipped)

    def _write(self, capture_id: str, tier: Tier, week_ending: date, parsed: ParsedFile) -> None:
        for statement in _CLEAR_ROWS:
            self.connection.execute(statement, {"capture_id": capture_id})
        head = (capture_id, self.idempotency_key, week_ending.isoformat(), tier.name)
        write_raw(self.connection, parsed, head, self.heartbeat)
        set_status(self.connection, capture_id, "INGESTED")

    def _check_published(self, tier: Tier, week_ending: date) -> None:
        expected = publication_day(week_ending, tier)
        if datetime.now(UTC).date() < expected:
            raise SpineError(
                f"{tier.name} of week ending {week_ending} is published on {expected}: run it then",
                ErrorCategory.DATA_QUALITY,
                code="NOT_PUBLISHED_YET",
            )

    def _check_tier(self, parsed: ParsedFile, tier: Tier, source: SourceBytes) -> None:
        found = parsed.values(0)
        if found and not any(value.lower() in tier.spellings for value in found):
            raise SpineError(
                f"{source.uri} holds tier {', '.join(sorted(found))[:100]}, not {tier.name}: "
                "give the tier or the file that belongs to it",
                ErrorCategory.DATA_QUALITY,
                code="TIER_MISMATCH",
            )

    def _check_week(self, dates: list[date], tier: Tier, week_ending: date, source: SourceBytes) -> None:
        if not dates:
            return
        published, expected = monday_of(max(dates)), publication_monday(week_ending, tier)
        if published < expected:
            message = (
                f"{source.uri} was last updated on {max(dates)}, before week ending {week_ending} of {tier.name} is "
                f"published on {expected}; it is the week ending {week_of_publication(published, tier)}"
            )
            if not self.params.get("allow_week_mismatch"):
                raise SpineError(message, ErrorCategory.DATA_QUALITY, code="WEEK_MISMATCH")
            self.record_anomaly("WEEK_MISMATCH", message)
        elif published > expected:
            self.record_anomaly(
                "REVISED_SOURCE",
                f"last updated on {max(dates)}, after the first publication on {expected}",
                severity="INFO",
            )

    def _inferred(self, dates: list[date], tier: Tier, source: SourceBytes) -> date:
        if not dates:
            raise bad_param(f"week_ending is missing, and {source.uri} has no date to tell it by")
        return week_of_publication(monday_of(max(dates)), tier)

    def _record_structure(self, parsed: ParsedFile, tier: Tier) -> None:
        requested = self.params.get("week_ending_requested")
        if requested and requested != self.params.get("week_ending"):
            self.record_anomaly(
                "WEEK_ENDING_SNAPPED", f"{requested} was read as {self.params['week_ending']}", severity="INFO"
            )
        if parsed.extra_columns:
            self.record_anomaly("EXTRA_COLUMN", f"ignored: {', '.join(parsed.extra_columns)}", severity="INFO")
        last = len(parsed.lines) - 1
        if parsed.bad.get(last) == FIELD_COUNT:
            self.record_anomaly("POSSIBLY_TRUNCATED", "the last line has not all of its fields")
        low, high = WARN_BANDS[tier.name].rows
        if not low <= len(parsed.lines) <= high:
            self.record_anomaly("ROW_COUNT_BAND", f"{len(parsed.lines):,} rows, usual are {low:,} to {high:,}")


def _dates(parsed: ParsedFile) -> list[date]:
    dates = []
    for value in parsed.values(7):
        try:
            dates.append(date.fromisoformat(value))
        except ValueError:
            continue
    return dates


def _output(capture: Capture, *, skipped: bool) -> dict[str, Any]:
    return capture.identity | {
        "row_count": capture.row_count,
        "error_count": capture.error_count,
        "content_sha256": capture.content_sha256,
        "revision": capture.revision,
        "skipped": skipped,
        "last_update_date_min": capture.last_update_min,
        "last_update_date_max": capture.last_update_max,
    }

"""``ingest_week``: fetch all bytes, hash them, keep the raw lines. Structure only; nothing is typed here."""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import text

from activities.finra.otc_transparency.api_source import last_update
from activities.finra.otc_transparency.captures import (
    Capture,
    capture_id_of,
    find_capture,
    insert_capture,
    lock_week,
    observe,
    set_ingested,
)
from activities.finra.otc_transparency.file_source import read_file
from activities.finra.otc_transparency.parse import ParsedFile, parse
from activities.finra.otc_transparency.raw_rows import write_raw
from activities.finra.otc_transparency.source import read_source, source_type_of
from activities.finra.otc_transparency.source_checks import (
    Received,
    inferred_week,
    require_tier,
    structure_notes,
    update_dates,
    week_notes,
)
from activities.finra.otc_transparency.week import (
    Tier,
    not_published,
    tier_of,
    utc_today,
    week_ending_of,
)
from domains.finra.otc_transparency import GATES
from domains.finra.publication import monday_of
from spine_temporal import Pipeline, register_pipeline

_CLEAR_ROWS = tuple(
    text(f"DELETE FROM finra_otc_{table} WHERE capture_id = :capture_id") for table in ("line", "reject")
)


@register_pipeline("finra.otc_transparency.ingest_week")
class IngestWeek(Pipeline):
    """Capture one week of one tier as its source has it now."""

    @staticmethod
    def today() -> date:
        """Return the current day; a test gives its own."""
        return utc_today()

    @classmethod
    def fingerprint(cls, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what tells that the source has changed, which is then ingested as a new revision.

        Of a file it is its size and hash, of the API the week's number of rows and last update.
        """
        given = params.get("week_ending")
        week = None if given is None else week_ending_of(given, strict=bool(params.get("strict_week_ending")))
        if source_type_of(dict(params)) != "file":
            return None if week is None else last_update(tier_of(params.get("tier")), week, today=cls.today())
        _, content = read_file(str(params["file_path"]), tier_of(params.get("tier")), week)
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def run(self) -> dict[str, Any]:
        """Return row_count, error_count, capture_id, content_sha256, revision, skipped and the dates."""
        tier, week_ending = tier_of(self.params.get("tier")), self._week()
        if week_ending is not None:
            self._check_published(tier, week_ending)
        received = self._receive(tier, week_ending)
        require_tier(received, tier)
        week_source = "inferred" if week_ending is None else "given"
        week_ending = week_ending or inferred_week(received, tier)
        allowed = bool(self.params.get("allow_week_mismatch"))
        notes = [
            *week_notes(received, tier, week_ending, allow_mismatch=allowed),
            *structure_notes(received, tier, week_ending, self.params),
        ]
        output = self._capture(received, tier, week_ending, week_source)
        for note in notes:
            self.record_anomaly(note.category, note.message, severity=note.severity)
        return output

    def _week(self) -> date | None:
        """Return the week that is asked for; only a file may be asked which one it is."""
        given = self.params.get("week_ending")
        if given is None and source_type_of(self.params) == "file":
            return None
        return week_ending_of(given, strict=bool(self.params.get("strict_week_ending")))

    def _check_published(self, tier: Tier, week_ending: date) -> None:
        # Under another convention of naming weeks a file lies before its week's publication.
        if source_type_of(self.params) == "file" and self.params.get("allow_week_mismatch"):
            return
        error = not_published(week_ending, tier, self.today())
        if error is not None:
            raise error

    def _receive(self, tier: Tier, week_ending: date | None) -> Received:
        source = read_source(self.params, tier, week_ending, self.today(), self.heartbeat)
        self.heartbeat("bytes", len(source.data))
        parsed = parse(source.data, source.uri)
        return Received(source=source, parsed=parsed, dates=update_dates(parsed, self.today()))

    def _capture(self, received: Received, tier: Tier, week_ending: date, week_source: str) -> dict[str, Any]:
        content = received.parsed.content_sha256
        capture_id = capture_id_of(tier, week_ending, content)
        lock_week(self.connection, tier, week_ending)
        known = find_capture(self.connection, capture_id)
        if known is None:
            values = {"capture_id": capture_id, "execution_id": self.idempotency_key, "week_source": week_source}
            week = {"tier": tier.name, "week_ending": week_ending, "week_start": monday_of(week_ending)}
            insert_capture(self.connection, values | week | {"content_sha256": content} | _described(received))
        else:
            observe(self.connection, capture_id)
        skipped = known is not None and not self.params.get("force")
        if not skipped:
            self._write(capture_id, received.parsed)
        capture = find_capture(self.connection, capture_id)
        assert capture is not None  # noqa: S101 - inserted above
        return _output(capture, skipped=skipped)

    def _write(self, capture_id: str, parsed: ParsedFile) -> None:
        for statement in _CLEAR_ROWS:
            self.connection.execute(statement, {"capture_id": capture_id})
        write_raw(self.connection, parsed, capture_id, self.heartbeat)
        passes = GATES.pass_ingest(len(parsed.lines), len(parsed.bad))
        set_ingested(self.connection, capture_id, "INGESTED" if passes else "FAILED_GATE", self.idempotency_key)


def _described(received: Received) -> dict[str, Any]:
    source, parsed, dates = received.source, received.parsed, received.dates
    return {
        "source_type": source.source_type,
        "source_uri": source.uri,
        "raw_sha256": hashlib.sha256(source.data).hexdigest(),
        "byte_count": len(source.data),
        "row_count": len(parsed.lines),
        "error_count": len(parsed.bad),
        "last_update_min": dates[0] if dates else None,
        "last_update_max": dates[-1] if dates else None,
    }


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

"""``publish_week``: the week's symbol totals as CSV files, part by part, outside of Postgres.

An example of work that one transaction cannot hold: it goes on where a lost attempt was, and a part that is written
again is the same part.
"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from activities.finra.data_roots import confined
from activities.finra.otc_transparency.captures import newest_capture
from activities.finra.otc_transparency.week import bad_param, tier_of, week_ending_of
from spine_temporal import Pipeline, register_pipeline

#: Rows of one file, and the most that it may be asked to have.
PART_ROWS, MAX_PART_ROWS = 1000, 100_000
COLUMNS = ("symbol", "issue_name", "total_shares", "total_trades", "venue_count", "top_mpid")

_PART = text(f"""
    SELECT {", ".join(COLUMNS)} FROM finra_otc_symbol_weekly
    WHERE capture_id = :capture_id AND symbol > :after ORDER BY symbol LIMIT :limit
""")


@register_pipeline("finra.otc_transparency.publish_week")
class PublishWeek(Pipeline):
    """Writes ``part-00001.csv`` and so on into the folder ``publish_to``.

    Metrics: ``row_count``, ``part_count``, ``folder``. Raises ``BAD_PARAM`` without a folder, and ``NO_CAPTURE`` where
    the week was not ingested.
    """

    transactional = False

    def run(self) -> dict[str, Any]:
        """Write the parts that are missing."""
        folder = self._folder()
        with self.transaction() as connection:
            tier, week = tier_of(self.params.get("tier")), week_ending_of(self.params.get("week_ending"))
            capture = newest_capture(connection, tier, week)
        part, count, after = self.progress or (0, 0, "")
        while rows := self._rows(capture.capture_id, after):
            part, count, after = part + 1, count + len(rows), rows[-1][0]
            _write(folder / f"part-{part:05}.csv", rows)
            self.heartbeat(part, count, after)
        return {"row_count": count, "part_count": part, "folder": str(folder)}

    def _folder(self) -> Path:
        given = self.params.get("publish_to")
        if not isinstance(given, str) or not given:
            raise bad_param(f"publish_to {given!r} must be the path of a folder")
        try:
            confined(given, "publish_to").mkdir(parents=True, exist_ok=True)
            return confined(given, "publish_to")
        except (OSError, ValueError, RuntimeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise bad_param(f"publish_to {given}: {reason}") from None

    def _part_rows(self) -> int:
        given = self.params.get("part_rows", PART_ROWS)
        if type(given) is not int or not 1 <= given <= MAX_PART_ROWS:
            raise bad_param(f"part_rows {given!r} must be a number from 1 to {MAX_PART_ROWS}")
        return given

    def _rows(self, capture_id: str, after: str) -> Sequence[Any]:
        with self.transaction() as connection:
            values = {"capture_id": capture_id, "after": after, "limit": self._part_rows()}
            rows: Sequence[Any] = connection.execute(_PART, values).all()
            return rows


def _write(path: Path, rows: Sequence[Any]) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    with draft.open("x", newline="") as file:  # a link that somebody has put there is not followed
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    draft.replace(path)

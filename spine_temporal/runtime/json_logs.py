"""Logs as JSON, a line for each record: what it is of stands in fields of its own, and secrets are masked."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from spine_temporal.definition.redaction import LONGEST, redacted
from spine_temporal.runtime.log_context import ATTRIBUTE, LogContext

#: What any record has, and the object of one that Temporal's core has logged: the rest was given with ``extra=``.
_KNOWN = {*vars(logging.makeLogRecord({})), "message", "asctime", ATTRIBUTE, "temporal_log"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: ``time``, ``level``, ``logger``, ``message``, and what it is of."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": masked(record.getMessage()),
        }
        context = getattr(record, ATTRIBUTE, None)
        line |= context.fields() if isinstance(context, LogContext) else {}
        line |= {name: masked(str(value)) for name, value in vars(record).items() if name not in _KNOWN | line.keys()}
        if record.exc_info:
            line["exception"] = masked(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def masked(text: str) -> str:
    """Return a text without secrets; one that is too long is cut."""
    left_out = len(text) - LONGEST
    return f"{redacted(text)}… ({left_out:,} characters more)" if left_out > 0 else redacted(text)

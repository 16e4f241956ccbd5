"""What an attempt logs, told to the worker: its first lines at once, and its last ones at its end."""

import logging
from collections import deque
from collections.abc import Callable
from copy import copy
from dataclasses import replace

from pydantic import TypeAdapter

from spine_temporal.recording.run_logs import LogLine
from spine_temporal.runtime.log_context import LogContext
from spine_temporal.runtime.run_logs import line_of

#: How lines cross.
LINE = TypeAdapter(LogLine)

#: Characters that are told at once, and lines that are kept for the end.
_AT_ONCE = 100_000
_LAST = 200


class AttemptLines:
    """The lines of one attempt: neither it nor its worker is kept busy by them."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._left = _AT_ONCE
        self._last: deque[tuple[LogContext, logging.LogRecord]] = deque(maxlen=_LAST)
        self._put_off = 0

    def keep(self, context: LogContext, record: logging.LogRecord) -> None:
        """Tell of a record, now or at the end."""
        if self._left > 0:
            line = line_of(context, record)
            self._left -= len(line.message)
            self._send(line)
        else:
            self._put_off += 1
            self._last.append((context, _frozen(record)))

    def finish(self) -> None:
        """Tell the last lines, and before them how many are left out."""
        lines = [line_of(*one) for one in self._last]
        left_out = self._put_off - len(lines)
        if left_out:
            told = f"{left_out:,} lines are left out here"
            self._send(replace(lines[0], level="WARNING", logger=__name__, message=told))
        for line in lines:
            self._send(line)
        self._last.clear()

    def _send(self, line: LogLine) -> None:
        self._tell(LINE.dump_json(line).decode())


def _frozen(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record with the message that it has now."""
    frozen = copy(record)
    frozen.msg, frozen.args = record.getMessage(), None
    return frozen

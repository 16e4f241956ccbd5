"""Keeps what runs log, in Postgres: in a thread and in transactions of its own, so that no attempt waits for it."""

import logging
import queue
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from spine_temporal.definition.errors import SpineError
from spine_temporal.definition.json_values import clean_text
from spine_temporal.recording.database import Database
from spine_temporal.recording.run_logs import LogLine, prune_logs, write_logs
from spine_temporal.runtime.log_context import LogContext
from spine_temporal.runtime.metrics import LOG_LINES

#: Lines that wait to be written; further ones are dropped, and counted.
_WAITING = 10_000
#: Lines of one transaction, and seconds that a line waits for others.
_AT_ONCE = 500
_LINGER = 0.1
#: Seconds between two tries where Postgres is away, and that the last lines get at the worker's end.
_PAUSE = 1.0
_LAST_WORDS = 2.0
#: How long lines are kept, and seconds between two looks for older ones.
KEPT = timedelta(days=30)
_PRUNING = 3600.0
#: Characters of a line.
_LONGEST = 4000
_FORMAT = logging.Formatter()


class RunLogs:
    """The lines of the runs of one worker, on their way to Postgres."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: None: no more will come.
        self._lines: queue.Queue[LogLine | None] = queue.Queue(_WAITING)
        self._ended = threading.Event()
        #: Begun with the first line.
        self._thread: threading.Thread | None = None
        self._beginning = threading.Lock()

    def keep(self, context: LogContext, record: logging.LogRecord) -> None:
        """Keep a record of this process."""
        self.put(line_of(context, record))

    def put(self, line: LogLine) -> None:
        """Keep a line, at once; where too many wait, drop it."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            LOG_LINES.labels("dropped").inc()
        with self._beginning:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="spine-logs", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Write what waits, where Postgres takes it soon."""
        self._ended.set()
        if self._thread is not None:
            with suppress(queue.Full):
                self._lines.put_nowait(None)
            self._thread.join(_LAST_WORDS)

    def _write(self) -> None:
        database = Database(self._database.url, schema=self._database.schema, pool_size=1)
        pruned = -_PRUNING
        while not (self._ended.is_set() and self._lines.empty()):
            lines = self._taken()
            if lines and time.monotonic() - pruned > _PRUNING:
                pruned = time.monotonic()
                _prune(database)
            while lines and not _written(database, lines) and not self._ended.wait(_PAUSE):
                pass
        database.close()

    def _taken(self) -> list[LogLine]:
        """Return a line that waits, with those that come soon after; none where no more will come."""
        lines: list[LogLine] = []
        until = None
        while len(lines) < _AT_ONCE:
            try:
                line = self._lines.get(timeout=None if until is None else max(until - time.monotonic(), 0))
            except queue.Empty:
                break
            if line is None:
                break
            lines.append(line)
            until = until or time.monotonic() + _LINGER
        return lines


def _prune(database: Database) -> None:
    with suppress(SpineError), database.begin() as connection:
        prune_logs(connection, KEPT)


def _written(database: Database, lines: list[LogLine]) -> bool:
    """Write the lines; return whether they are done with."""
    try:
        with database.begin() as connection:
            write_logs(connection, lines)
    except SpineError as error:
        if error.category.retryable:
            return False
        LOG_LINES.labels("dropped").inc(len(lines))  # such as a role that may not write the table
        return True
    LOG_LINES.labels("kept").inc(len(lines))
    return True


def line_of(context: LogContext, record: logging.LogRecord) -> LogLine:
    """Return a record as the line that is kept of it."""
    message = record.getMessage()
    if record.exc_info:
        message += f"\n{_FORMAT.formatException(record.exc_info)}"
    return LogLine(
        run_id=context.run_id,
        step=context.step,
        attempt=context.attempt,
        logged_at=datetime.fromtimestamp(record.created, UTC),
        level=record.levelname,
        logger=record.name[:200],
        message=clean_text(message[: 2 * _LONGEST], _LONGEST),
        trace_id=context.trace_id,
    )

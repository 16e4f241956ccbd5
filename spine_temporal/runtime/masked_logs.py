"""Logs without secrets: every line that this process logs, its traceback too, goes through ``redacted``.

Also warnings, and exceptions that nobody caught, which Python would print as they are.
"""

import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Literal, TextIO

from spine_temporal.runtime.json_logs import JsonFormatter, masked

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_log = logging.getLogger("spine_temporal")


class MaskingFormatter(logging.Formatter):
    """Formats a record as ever, and masks what came of it: the message, its arguments and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text with secrets masked; one that is too long is cut."""
        return masked(super().format(record))


def log_masked(level: int = logging.INFO, form: Literal["text", "json"] = "text") -> None:
    """Log to stderr from that level on, with secrets masked: lines for people, or JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else MaskingFormatter(_FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
    mask_unhandled()


def mask_unhandled() -> None:
    """Mask what is printed where nobody has set up logging: also warnings, and exceptions that nobody caught."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(MaskingFormatter("%(message)s"))
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del file
    text = warnings.formatwarning(message, category, filename, lineno, line).rstrip()
    logging.getLogger("py.warnings").warning("%s", text)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.critical("this program has a fault and ends", exc_info=(kind, error, trace))


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if issubclass(arguments.exc_type, SystemExit):
        return
    error = arguments.exc_value or arguments.exc_type()
    name = arguments.thread.name if arguments.thread else "that has ended"
    _log.error("thread %s has a fault", name, exc_info=(arguments.exc_type, error, arguments.exc_traceback))


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    error = found.exc_value or found.exc_type()
    message = found.err_msg or "an exception was ignored"
    _log.error("%s: %r", message, found.object, exc_info=(found.exc_type, error, found.exc_traceback))

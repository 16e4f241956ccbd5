"""Logging in a process of a worker: as it is in the worker, and each line says which attempt it is of.

A process writes for itself, to the same streams and files: a pipeline that logs without end is then no load of the
worker. Handlers of other kinds are the worker's alone.
"""

import logging
import logging.handlers
import pickle
import sys
from typing import Any

from pydantic import BaseModel, ConfigDict

from spine_temporal.runtime.json_logs import JsonFormatter
from spine_temporal.runtime.log_context import follow_records

_STREAMS = ("stderr", "stdout")


class HandlerSetup(BaseModel):
    """A handler of the worker's root logger."""

    model_config = ConfigDict(frozen=True)

    #: One of its streams, or the path of a file.
    stream: str = ""
    file: str = ""
    level: int
    form: str | None = None
    date_form: str | None = None
    #: A formatter of another class, pickled, as hexadecimal digits: it is used as it is.
    formatter: str = ""

    def handler(self) -> logging.Handler:
        """Return a handler of this process that does the same."""
        made: logging.Handler
        if self.file:
            made = logging.handlers.WatchedFileHandler(self.file)  # the worker may have turned to the next file
        else:
            made = logging.StreamHandler(getattr(sys, self.stream))
        made.setLevel(self.level)
        made.setFormatter(_unpickled(self.formatter) or logging.Formatter(self.form, self.date_form))
        return made


class LoggingSetup(BaseModel):
    """How a worker logs: levels by logger, and where to."""

    model_config = ConfigDict(frozen=True)

    levels: dict[str, int]
    handlers: tuple[HandlerSetup, ...]
    #: Whether lines have fields for what they are of, so that their messages need not say it.
    structured: bool = False

    @classmethod
    def of_this_process(cls) -> "LoggingSetup":
        """Return how this process logs."""
        root = logging.getLogger()
        known = {name: one for name, one in root.manager.loggerDict.items() if isinstance(one, logging.Logger)}
        levels = {name: one.level for name, one in known.items() if one.level != logging.NOTSET}
        return cls(
            levels=levels | {"": root.level},
            handlers=tuple(setup for handler in root.handlers if (setup := _setup_of(handler)) is not None),
            structured=any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers),
        )

    def apply(self) -> None:
        """Log like that."""
        for name, level in self.levels.items():
            logging.getLogger(name).setLevel(level)
        root = logging.getLogger()
        for handler in list(root.handlers):
            root.removeHandler(handler)
        for setup in self.handlers:
            root.addHandler(setup.handler())
        follow_records()


def _setup_of(handler: logging.Handler) -> HandlerSetup | None:
    if isinstance(handler, logging.FileHandler):
        return HandlerSetup(file=handler.baseFilename, level=handler.level, **_format_of(handler))
    stream = getattr(handler, "stream", None)
    name = next((one for one in _STREAMS if stream in {getattr(sys, one), getattr(sys, f"__{one}__")}), None)
    if not isinstance(handler, logging.StreamHandler) or name is None:
        return None
    return HandlerSetup(stream=name, level=handler.level, **_format_of(handler))


def _unpickled(formatter: str) -> logging.Formatter | None:
    """Return a formatter of the worker; None if its class cannot be loaded here."""
    if not formatter:
        return None
    try:
        found: logging.Formatter = pickle.loads(bytes.fromhex(formatter))  # noqa: S301 - from the worker itself
    except (pickle.UnpicklingError, AttributeError, ImportError, TypeError):
        return None
    return found


def _format_of(handler: logging.Handler) -> dict[str, Any]:
    formatter = handler.formatter
    if formatter is None:
        return {}
    if type(formatter) is logging.Formatter:
        return {"form": formatter._fmt, "date_form": formatter.datefmt}
    try:
        return {"formatter": pickle.dumps(formatter).hex()}
    except (pickle.PicklingError, AttributeError, TypeError):
        return {"form": getattr(formatter, "_fmt", None)}

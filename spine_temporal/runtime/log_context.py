"""What a line of a log is of: each record that is made while a run is worked on says so, and is kept for the run.

A record is met where it is made, and not by a handler: a program whose logging nobody has set up goes on as it was.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from spine_temporal.translation.pipeline_messages import PipelineRequest

#: The attribute of a record that has its context.
ATTRIBUTE = "spine"

Keep = Callable[["LogContext", logging.LogRecord], None]


@dataclass(frozen=True, kw_only=True)
class LogContext:
    """The run, the step and the attempt that is worked on."""

    run_id: str
    workflow: str = ""
    workflow_id: str = ""
    #: Empty: the run itself.
    step: str = ""
    attempt: int | None = None
    partition: Mapping[str, Any] = field(default_factory=dict)
    trace_id: str = ""

    def __str__(self) -> str:
        of = f"{self.step} of run {self.run_id}" if self.step else f"run {self.run_id}"
        return of if self.attempt is None else f"{of}, attempt {self.attempt}"

    def fields(self) -> dict[str, Any]:
        """Return what is known of it, as a structured line has it."""
        return {name: value for name, value in vars(self).items() if value not in ("", None, {})}


def request_context(request: PipelineRequest, attempt: int, trace_id: str = "") -> LogContext:
    """Return what an attempt of a pipeline is of."""
    key = request.key
    return LogContext(
        run_id=key.run_id,
        workflow=key.workflow,
        workflow_id=key.workflow_id,
        step=request.step,
        attempt=attempt,
        partition=dict(key.partition),
        trace_id=trace_id,
    )


@dataclass(frozen=True, kw_only=True)
class _Working:
    context: LogContext
    keep: Keep
    #: Whether the message itself says what it is of, as no other part of the line does.
    in_words: bool


_of_task: ContextVar[_Working | None] = ContextVar("spine_log_context", default=None)


class _Process:
    """What this whole process works on, whichever thread logs; of a process for attempts."""

    working: _Working | None = None


@contextmanager
def working_on(context: LogContext, keep: Keep) -> Iterator[None]:
    """Let what the block logs, and the tasks and threads that it begins with its context, be of this."""
    token = _of_task.set(_Working(context=context, keep=keep, in_words=False))
    try:
        yield
    finally:
        _of_task.reset(token)


@contextmanager
def working_on_one(request: PipelineRequest) -> Iterator[None]:
    """Let what the block logs be of this attempt alone, where several go together in what is worked on."""
    working = _of_task.get()
    if working is None:
        yield
        return
    with working_on(request_context(request, request.number(1), working.context.trace_id), working.keep):
        yield


@contextmanager
def process_works_on(context: LogContext, keep: Keep, *, in_words: bool) -> Iterator[None]:
    """Let what this process logs while the block runs be of this, in whichever thread."""
    _Process.working = _Working(context=context, keep=keep, in_words=in_words)
    try:
        yield
    finally:
        _Process.working = None


def follow_records() -> None:
    """Meet each record of this process from now on; asked again, it changes nothing."""
    made = logging.getLogRecordFactory()
    if getattr(made, "follows", False):
        return

    def follow(*given: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = made(*given, **named)
        working = _of_task.get() or _Process.working
        if working is not None:
            with suppress(Exception):  # what cannot be formatted is told by the handler, as ever
                _meet(working, record)
        return record

    follow.follows = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(follow)


def _meet(working: _Working, record: logging.LogRecord) -> None:
    setattr(record, ATTRIBUTE, working.context)
    working.keep(working.context, record)
    if working.in_words:
        record.msg, record.args = f"{record.getMessage()} [{working.context}]", None

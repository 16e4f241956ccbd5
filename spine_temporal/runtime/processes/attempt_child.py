"""A process that makes attempts of pipelines, one at a time, on its own session, and is used again if it is clean."""

import json
import os
import sys
import threading
from contextlib import suppress
from typing import Any

import psycopg

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.json_values import JsonValueError, to_json
from spine_temporal.definition.memory import MEBIBYTE, memory_text
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.recording.database import Database
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.attempts import attempt_of
from spine_temporal.runtime.foreign_pipelines import known_pipelines
from spine_temporal.runtime.log_context import LogContext, process_works_on, request_context
from spine_temporal.runtime.processes.attempt_lines import AttemptLines
from spine_temporal.runtime.processes.child import heed
from spine_temporal.runtime.processes.frames import Kind, Line
from spine_temporal.runtime.processes.loading import load
from spine_temporal.runtime.processes.memory import DEFAULT_MEMORY, data_bytes, limited
from spine_temporal.runtime.processes.messages import (
    TOLD_APART,
    AttemptAnswer,
    AttemptError,
    AttemptRequest,
    AttemptsStart,
    FingerprintAnswer,
    FingerprintRequest,
)
from spine_temporal.runtime.tracing import attempt_span, flush_traces, start_tracing, trace_database, trace_id_of

#: Attempts after which a process is replaced, and bytes by which it may have grown.
_LIFE = 1000
_GROWTH = 128 * MEBIBYTE


def serve(channel: Line, control: Line) -> None:
    """Make the attempts that the worker asks for, until it stops asking or this process must be replaced."""
    frame = channel.receive()
    if frame is None:
        return
    start = AttemptsStart.model_validate_json(frame.text)
    start.logging.apply()
    failed = load(start.loading).error if start.loading is not None else ""
    database = Database(start.database_url, schema=start.database_schema, pool_size=1)
    if start_tracing():
        trace_database(database)
    child = _Child(channel, database, failed, in_words=not start.logging.structured)
    heed(control, child.stop)
    while (frame := channel.receive()) is not None:
        if frame.kind is Kind.FINGERPRINT:
            goes_on = child.name_input(FingerprintRequest.model_validate_json(frame.text))
        else:
            goes_on = child.make(AttemptRequest.model_validate_json(frame.text))
        if not goes_on:
            return


class _Child:
    """Makes attempts, and knows whether it has stayed clean."""

    def __init__(self, channel: Line, database: Database, failed: str, *, in_words: bool) -> None:
        self._channel = channel
        self._in_words = in_words
        self._database = database
        #: Why the modules could not be loaded.
        self._failed = failed
        self._sending = threading.Lock()
        self._current: Attempt | None = None
        self._made = 0
        self._was_stopped = False
        self._threads = threading.active_count() + 1
        self._data = data_bytes()
        self._surroundings = _surroundings()

    def stop(self) -> None:
        """Stop the attempt that is being made, from another thread."""
        self._was_stopped = True
        if self._current is not None:
            with suppress(Exception):
                self._current.abandon()

    def make(self, asked: AttemptRequest) -> bool:
        """Make an attempt and answer; return whether another may follow."""
        request = asked.request
        lines = AttemptLines(lambda line: self._send(Kind.LOG, line))
        context = request_context(request, asked.attempt, trace_id_of(asked.trace))
        with process_works_on(context, lines.keep, in_words=self._in_words):
            answer = self._answer(asked, context)
            lines.finish()
        self._made += 1
        spent = self._is_spent() or answer.is_spent
        self._send(Kind.ANSWER, answer.model_copy(update={"is_spent": spent}).model_dump_json(exclude_unset=True))
        sys.stdout.flush()
        flush_traces()
        return not spent

    def name_input(self, asked: FingerprintRequest) -> bool:
        """Name the input of a pipeline and answer; return whether something else may follow."""
        try:
            with limited(DEFAULT_MEMORY):
                pipeline = self._pipeline(asked.pipeline)
                value = to_json(pipeline.fingerprint(asked.params), f"fingerprint of pipeline {asked.pipeline!r}")
            answer = FingerprintAnswer(value=value)
        except BaseException as error:  # noqa: BLE001 - as above: it is the user's code
            answer = FingerprintAnswer(error=_encodable(str(fault_of(error))), is_spent=_is_short_of_memory(error))
        spent = self._is_spent() or answer.is_spent
        self._send(Kind.ANSWER, answer.model_copy(update={"is_spent": spent}).model_dump_json())
        return not spent

    def _answer(self, asked: AttemptRequest, context: LogContext) -> AttemptAnswer:
        attempt: Attempt | None = None
        try:
            pipeline = self._pipeline(asked.request.pipeline)
            attempt = attempt_of(
                asked.request,
                pipeline,
                self._database,
                self._beat,
                asked.attempt,
                asked.progress,
                is_local=asked.is_local,
            )
            self._current = attempt
            with attempt_span(context, asked.request.pipeline, asked.trace), limited(asked.memory):
                outcome = attempt.run()
        except BaseException as error:  # noqa: BLE001 - the attempt's end is the answer, whatever ended it
            return AttemptAnswer(error=_told(error, attempt, asked.memory), is_spent=_is_short_of_memory(error))
        finally:
            self._current = None
        return AttemptAnswer(outcome=outcome, measured=attempt.measured)

    def _pipeline(self, name: str) -> type[Pipeline]:
        found = known_pipelines().get(name)
        if found is None:
            why = f" ({self._failed})" if self._failed else ""
            raise SpineError(
                f"pipeline {name!r} is not registered in the process that is to run it{why}: put @register_pipeline at "
                "the top of a module",
                ErrorCategory.CONFIGURATION,
            )
        return found

    def _beat(self, *details: Any) -> None:
        if details:
            self._send(Kind.BEAT, json.dumps(list(details)))

    def _send(self, kind: Kind, text: str) -> None:
        with self._sending:
            self._channel.send(kind, text)

    def _is_spent(self) -> bool:
        return (
            self._was_stopped
            or self._made >= _LIFE
            or threading.active_count() > self._threads
            or data_bytes() - self._data > _GROWTH
            or _surroundings() != self._surroundings
        )


def _surroundings() -> tuple[Any, ...]:
    """Return the settings of this process that user code may have changed for later attempts."""
    return os.getcwd(), dict(os.environ), list(sys.path)


def _told(error: BaseException, attempt: Attempt | None, memory: int) -> AttemptError:
    """Return the error as it crosses to the worker."""
    if _is_short_of_memory(error):
        error = SpineError(
            f"the pipeline needs more memory than its limit of {memory_text(memory)}: work in parts, or give the step "
            "more, such as memory='4GB'",
            ErrorCategory.CONFIGURATION,
            code="MEMORY_LIMIT",
        )
    fault = fault_of(error)
    return AttemptError(
        kind=next((one.__name__ for one in TOLD_APART if isinstance(fault, one)), ""),
        message=_encodable(str(fault)),
        category=fault.category,
        code=fault.code,
        retry_after=fault.retry_after,
        metadata=_json_or_nothing(fault.metadata),
        traceback=fault.traceback,
        measured=attempt.measured if attempt is not None else (),
        round=attempt.execution.round if attempt is not None else None,
    )


def _is_short_of_memory(error: BaseException) -> bool:
    """Return whether this process ran out of memory, in Python or in the driver."""
    if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
        return True
    original = getattr(error.__cause__, "orig", error.__cause__)
    return isinstance(original, psycopg.Error) and original.sqlstate is None and "out of memory" in str(original)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _json_or_nothing(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(to_json(metadata, "metadata"))
    except JsonValueError:
        return {}

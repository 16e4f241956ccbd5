"""A span for each statement of an engine, by OpenTelemetry's conventions for PostgreSQL; none without a trace."""

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from sqlalchemy import Connection, Engine, ExceptionContext, event

from spine_temporal.definition.json_values import clean_text

_KEY = "spine_span"
#: Characters of a statement; values are bound, and never in it.
_LONGEST = 2000


def trace_sql(engine: Engine, tracer: Tracer) -> None:
    """Trace each statement that runs below a span."""

    def begin(connection: Connection, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        if trace.get_current_span().get_span_context().is_valid:
            attributes = _attributes(connection, statement)
            name = attributes["db.operation.name"]
            setattr(context, _KEY, tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes))

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _attributes(connection: Connection, statement: str) -> dict[str, str]:
    words = statement.split()
    return {
        "db.system.name": "postgresql",
        "db.namespace": connection.engine.url.database or "",
        "db.operation.name": words[0].upper()[:20] if words else "QUERY",
        "db.query.text": clean_text(" ".join(words), _LONGEST),
    }


def _end(_connection: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
    span: Span | None = getattr(context, _KEY, None)
    if span is not None:
        span.end()


def _fail(failure: ExceptionContext) -> None:
    span: Span | None = getattr(failure.execution_context, _KEY, None)
    if span is None:
        return
    state = getattr(failure.original_exception, "sqlstate", None)
    if state:
        span.set_attribute("db.response.status_code", state)
    span.set_attribute("error.type", state or type(failure.original_exception).__name__)
    span.set_status(Status(StatusCode.ERROR))
    span.end()

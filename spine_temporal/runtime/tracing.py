"""OpenTelemetry traces, from the start of a run to its SQL: on where the standard ``OTEL_*`` variables ask for them.

Nothing of OpenTelemetry is loaded before that; a process that does not trace pays nothing.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.params import canonical
from spine_temporal.recording.database import Database
from spine_temporal.runtime.log_context import LogContext

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from temporalio.client import Plugin
    from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider

#: Name of the instrumentation.
SCOPE = "spine_temporal"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_EXPORTERS = ("otlp", "console", "none")
#: Milliseconds.
_MOMENT = 500


class _Started:
    """What this process traces with; None: it does not."""

    provider: "ReplaySafeTracerProvider | None" = None


def exporter_of(environ: Mapping[str, str]) -> str:
    """Return which exporter the variables ask for; ``none``: no traces. Raises ``SpineError`` for another's name."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return "none"
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if not named:
        return "otlp" if any(environ.get(name, "").strip() for name in _ENDPOINTS) else "none"
    if named not in _EXPORTERS:
        raise SpineError(
            f"OTEL_TRACES_EXPORTER is {named[:50]!r}: allowed are {', '.join(_EXPORTERS)}", ErrorCategory.CONFIGURATION
        )
    return named


def start_tracing() -> bool:
    """Trace from now on where the variables ask for it; return whether this process does."""
    if _Started.provider is None and (exporter := exporter_of(os.environ)) != "none":
        _Started.provider = _provider(exporter)
    return _Started.provider is not None


def stop_tracing() -> None:
    """Send what was traced; nothing is traced any more."""
    if _Started.provider is not None:
        _Started.provider.shutdown()
        _Started.provider = None


def client_plugins() -> "list[Plugin]":
    """Return what a Temporal client needs for its starts, its workers' runs and their activities to be traced."""
    if not start_tracing():
        return []
    from temporalio.contrib.opentelemetry import OpenTelemetryPlugin  # noqa: PLC0415 - where it is asked for

    return [OpenTelemetryPlugin(add_temporal_spans=True)]


def carrier() -> dict[str, str]:
    """Return the current trace as it crosses to another process, empty where there is none."""
    found: dict[str, str] = {}
    if _Started.provider is not None:
        from opentelemetry.propagate import inject  # noqa: PLC0415 - where it is asked for

        inject(found)
    return found


def trace_id_of(carried: Mapping[str, str]) -> str:
    """Return the id of a trace, 32 hexadecimal digits; empty where there is none."""
    parts = carried.get("traceparent", "").split("-")
    return parts[1] if len(parts) == 4 else ""


@contextmanager
def attempt_span(context: LogContext, pipeline: str, carried: Mapping[str, str]) -> Iterator[None]:
    """Trace an attempt of a pipeline below the activity that wants it."""
    if _Started.provider is None:
        yield
        return
    from opentelemetry.propagate import extract  # noqa: PLC0415 - where it is asked for
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    tracer = _Started.provider.get_tracer(SCOPE)
    attributes = {f"spine.{name}": value for name, value in context.fields().items() if name != "trace_id"}
    attributes |= {"spine.pipeline": pipeline, "spine.partition": canonical(dict(context.partition))}
    with tracer.start_as_current_span(
        f"attempt {pipeline}",
        context=extract(carried),
        attributes=attributes,
        record_exception=False,  # it may tell secrets
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR, clean_text(str(error), 300))
            raise


def flush_traces() -> None:
    """Send what was traced, where that takes a moment: this process may end before the next time that it would."""
    if _Started.provider is not None:
        _Started.provider.force_flush(_MOMENT)


def trace_database(database: Database) -> None:
    """Trace the statements of a database's connections."""
    if _Started.provider is not None:
        from spine_temporal.runtime.sql_spans import trace_sql  # noqa: PLC0415 - where it is asked for

        trace_sql(database.engine, _Started.provider.get_tracer(SCOPE))


def _provider(exporter: str) -> "ReplaySafeTracerProvider":
    try:
        from opentelemetry import trace  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from temporalio.contrib.opentelemetry import create_tracer_provider  # noqa: PLC0415
    except ImportError:
        raise _missing() from None
    named: dict[str, Any] = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "spine-temporal"}
    provider = create_tracer_provider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    trace.set_tracer_provider(provider)
    return provider


def _exporter(name: str) -> "SpanExporter":
    if name == "console":
        import sys  # noqa: PLC0415 - stdout is the result's

        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

        return ConsoleSpanExporter(out=sys.stderr)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    except ImportError:
        raise _missing() from None
    return OTLPSpanExporter()


def _missing() -> SpineError:
    return SpineError(
        "the OTEL_* variables ask for traces, and OpenTelemetry is not installed",
        ErrorCategory.CONFIGURATION,
        advice="install spine-temporal[otel], or set OTEL_SDK_DISABLED=true",
    )

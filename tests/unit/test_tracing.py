"""Traces are on where the standard variables ask for them, and off otherwise."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from spine_temporal import SpineError
from spine_temporal.runtime import tracing
from spine_temporal.runtime.log_context import LogContext
from spine_temporal.runtime.tracing import attempt_span, carrier, exporter_of, trace_id_of

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
CONTEXT = LogContext(run_id="r1", workflow="w", step="read", attempt=2, partition={"day": "2026-01-02"})


@pytest.mark.parametrize(
    ("environ", "exporter"),
    [
        ({}, "none"),
        ({ENDPOINT: "http://collector:4318"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({ENDPOINT: "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}, "none"),
        ({ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, "none"),
    ],
)
def test_the_standard_variables_say_whether_there_are_traces(environ, exporter):
    assert exporter_of(environ) == exporter


def test_an_exporter_that_is_not_known_is_refused():
    with pytest.raises(SpineError, match="'jaeger': allowed are otlp, console, none"):
        exporter_of({"OTEL_TRACES_EXPORTER": "jaeger"})


def test_a_process_that_does_not_trace_loads_nothing_of_it():
    code = (
        "import sys; from spine_temporal.runtime import tracing; assert tracing.client_plugins() == []; "
        "assert tracing.carrier() == {}; print(*[name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert told.stdout.strip() == ""


@pytest.fixture
def spans(monkeypatch):
    """What this process traces."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing._Started, "provider", provider)
    yield exporter
    provider.shutdown()


def test_an_attempt_that_fails_is_a_span_that_says_of_what_and_tells_no_secret(spans):
    carried = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    with attempt_span(CONTEXT, "p.read", carried):
        assert trace_id_of(carrier()) == "ab" * 16
    spans.clear()
    with pytest.raises(ValueError, match="hunter2"), attempt_span(CONTEXT, "p.read", carried):
        int("password=hunter2")
    [span] = spans.get_finished_spans()
    assert (span.name, span.attributes["spine.step"], span.attributes["spine.attempt"]) == ("attempt p.read", "read", 2)
    assert span.attributes["spine.partition"] == '{"day":"2026-01-02"}'
    assert span.parent.span_id == int("cd" * 8, 16)
    assert span.attributes["error.type"] == "ValueError"
    assert not span.status.is_ok
    assert "hunter2" not in span.to_json()

"""A run is one trace: from the command that starts it through its steps to their SQL, sent as the variables say."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.processes.conftest import until

MODULES = "tests.temporal.observed"


class Collector:
    """Takes traces as an OpenTelemetry collector does."""

    def __init__(self):
        self.spans = []
        spans = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in request.resource_spans:
                    spans.extend(span for scope in resource.scope_spans for span in scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def named(self, begins):
        return [span for span in self.spans if span.name.startswith(begins)]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector():
    found = Collector()
    yield found
    found.close()


def attributes(span):
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_a_run_is_one_trace_from_its_start_to_its_sql(spine, start_worker, collector, tmp_path):
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    start_worker(SPINE_MODULES=MODULES, SPINE_LOG_FORMAT="json", **traced)
    test = uuid4().hex
    ended = spine("run", "observed.gated", "-p", f"test={test}", "-p", "rows=1", SPINE_MODULES=MODULES, **traced)
    assert ended.returncode == 1, ended.stderr
    until(lambda: collector.named("RunWorkflow") and collector.named("attempt observed.read"))

    [started], [attempt] = collector.named("StartWorkflow:observed.gated"), collector.named("attempt observed.read")
    [activity] = collector.named("RunActivity:observed.read")
    assert attempt.parent_span_id == activity.span_id
    told = attributes(attempt)
    assert told["spine.workflow"] == "observed.gated"
    assert (told["spine.step"], told["spine.attempt"]) == ("read", 1)
    assert test in told["spine.partition"]
    statements = [span for span in collector.spans if span.parent_span_id == attempt.span_id]
    assert {attributes(span)["db.system.name"] for span in statements} == {"postgresql"}
    assert any("core_executions" in attributes(span)["db.query.text"] for span in statements)

    ids = {span.trace_id for span in (attempt, activity, *collector.named("RunWorkflow:observed.gated"))}
    assert ids == {started.trace_id}
    assert len({span.span_id for span in collector.spans}) == len(collector.spans)

    lines = spine("logs", f"observed.gated/test={test}", "--follow", "--json").stdout.splitlines()
    of_read = [json.loads(line) for line in lines if json.loads(line)["step"] == "read"]
    assert {line["trace_id"] for line in of_read} == {started.trace_id.hex()}

    written = [json.loads(line) for line in (tmp_path / "worker0.log").read_text().splitlines()]
    [own] = [line for line in written if line["logger"] == "observed"]
    assert own["message"].startswith("read 1 rows with password=")
    assert "hunter2" not in own["message"]
    assert (own["workflow"], own["step"], own["attempt"]) == ("observed.gated", "read", 1)
    assert (own["partition"], own["trace_id"]) == ({"test": test}, started.trace_id.hex())


def test_an_exporter_that_is_not_known_is_told(spine):
    ended = spine("status", "x", OTEL_TRACES_EXPORTER="zipkin")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "OTEL_TRACES_EXPORTER is 'zipkin': allowed are otlp, console, none" in ended.stderr

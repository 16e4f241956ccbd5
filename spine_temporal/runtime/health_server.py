"""``/livez``, ``/readyz`` and ``/metrics`` over HTTP, in a thread of the worker."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.runtime.health import Health

Respond = Callable[[str, list[tuple[str, str]]], Any]


@contextmanager
def health_server(health: Health, address: str) -> Iterator[int]:
    """Serve while the block runs; give the port. ``address`` is ``host:port``, port 0 for a free one."""
    host, port = _parsed(address)
    try:
        server = make_server(host, port, _application(health), server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise SpineError(
            f"SPINE_HEALTH_ADDRESS {address!r} cannot be listened on: {error}", ErrorCategory.CONFIGURATION
        ) from None
    thread = threading.Thread(target=server.serve_forever, name="spine-health", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _parsed(address: str) -> tuple[str, int]:
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit():
        raise SpineError(
            f"SPINE_HEALTH_ADDRESS must be host:port, for example 0.0.0.0:8080, not {address!r}",
            ErrorCategory.CONFIGURATION,
        )
    return host.strip("[]"), int(port)


def _application(health: Health) -> Callable[[dict[str, Any], Respond], Iterable[bytes]]:
    metrics: Callable[[dict[str, Any], Respond], Iterable[bytes]] = make_wsgi_app()

    def answer(environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, respond)
            case "/livez":
                return _json(respond, "200 OK", {"status": "alive"})
            case "/readyz":
                away = health.away
                status = "503 Service Unavailable" if away else "200 OK"
                return _json(respond, status, {"status": "not ready" if away else "ready", "away": away})
        return _json(respond, "404 Not Found", {"allowed": ["/livez", "/readyz", "/metrics"]})

    return answer


def _json(respond: Respond, status: str, body: dict[str, Any]) -> Iterable[bytes]:
    respond(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


class _Server(WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: a probe comes every few seconds."""

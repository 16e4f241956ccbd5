"""``/livez``, ``/readyz`` and ``/metrics`` over HTTP, in threads of the worker.

Whoever reaches the port may ask; whoever only holds connections keeps nobody else from being answered, nor the worker
from stopping.
"""

import contextlib
import io
import json
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.redaction import redacted
from spine_temporal.runtime.health import Health

_log = logging.getLogger("spine_temporal.worker")

#: Connections that are served at once; a further one takes the place of the oldest, which a probe never is.
_MOST = 32
#: Seconds for each read and write of a connection.
_PATIENCE = 5.0

Respond = Callable[[str, list[tuple[str, str]]], Any]


@contextmanager
def health_server(health: Health, address: str, counted: Callable[[], str] = str) -> Iterator[int]:
    """Serve while the block runs; give the port. ``address`` is ``host:port``, port 0 for a free one.

    ``counted`` returns what others have counted, which ``/metrics`` tells behind the worker's own.
    """
    host, port = _parsed(address)
    try:
        server = make_server(host, port, _application(health, counted), server_class=_Server, handler_class=_Quiet)
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


def _application(health: Health, counted: Callable[[], str]) -> Callable[[dict[str, Any], Respond], Iterable[bytes]]:
    def answer(environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                respond("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
                return [generate_latest(), counted().encode()]
            case "/livez":
                return _json(respond, "200 OK", {"status": "alive"})
            case "/readyz":
                away = {name: redacted(error) for name, error in health.away.items()}
                status = "503 Service Unavailable" if away else "200 OK"
                return _json(respond, status, {"status": "not ready" if away else "ready", "away": away})
        return _json(respond, "404 Not Found", {"allowed": ["/livez", "/readyz", "/metrics"]})

    return answer


def _json(respond: Respond, status: str, body: dict[str, Any]) -> Iterable[bytes]:
    respond(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self._open: dict[socket.socket, None] = {}
        self._lock = threading.Lock()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[request] = None
            oldest = next(iter(self._open)) if len(self._open) > _MOST else None
            if oldest is not None:
                del self._open[oldest]
        if oldest is not None:
            _cut(oldest)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        with self._lock:
            left = list(self._open)
            self._open.clear()
        for connection in left:
            _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that was slow or went away; a fault of ours is told with the others."""
        if not isinstance(sys.exception(), OSError | ValueError):
            _log.exception("a request to the health server failed")


def _cut(connection: socket.socket) -> None:
    """End the connection; its thread notices at once."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Quiet(WSGIRequestHandler):
    timeout = _PATIENCE

    def get_stderr(self) -> io.StringIO:
        """Keep what a client's going away makes Python say off the worker's output."""
        return io.StringIO()

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing: a probe comes every few seconds."""

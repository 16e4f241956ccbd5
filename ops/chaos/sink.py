"""Takes webhooks, and sometimes says that it does not, so that they come again."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ops.chaos.told import Arrived


class Sink:
    """What has arrived."""

    def __init__(self, seed: int) -> None:
        self.url = ""
        self.arrived: list[Arrived] = []
        self._draw = random.Random(f"sink/{seed}")

    def take(self, key: str, body: bytes) -> int:
        """Keep a message; return the status of the answer, which may lie, as after a lost connection."""
        ids = tuple(each["id"] for each in json.loads(body)["data"]["notifications"])
        self.arrived.append(Arrived(key=key, ids=ids))
        return 503 if self._draw.random() < 0.05 else 200


@contextmanager
def listening(seed: int) -> Iterator[Sink]:
    """Have a sink on a port of its own."""
    sink = Sink(seed)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(sink.take(self.headers["webhook-id"], body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()

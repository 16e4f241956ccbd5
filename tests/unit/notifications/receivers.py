"""A program that takes webhooks, on a real port: it keeps what comes, and answers as it is told."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What has come, and what is answered: each of ``answers`` once, and then 200."""

    url: str = ""
    came: list = field(default_factory=list)
    answers: list = field(default_factory=list)

    @property
    def ids(self):
        """The ids of all notifications that came, one after the other."""
        return [each["id"] for _, body in self.came for each in json.loads(body)["data"]["notifications"]]

    @property
    def batches(self):
        """The idempotency keys that came."""
        return [headers["webhook-id"] for headers, _ in self.came]


@contextmanager
def receiving():
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = receiver.answers.pop(0) if receiver.answers else (200, {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

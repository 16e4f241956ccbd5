"""FINRA's API as a stub on this machine."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from activities.finra.otc_transparency import api_source


def row(number, **changes):
    return {
        "tierIdentifier": "OTCE", "tierDescription": "OTC", "issueSymbolIdentifier": f"S{number:04d}",
        "issueName": "A Name", "MPID": "OTCN", "marketParticipantName": "OTCN OTC LINK",
        "totalWeeklyShareQuantity": 100 + number, "totalWeeklyTradeCount": 2, "summaryTypeCode": "ATS_W_SMBL_FIRM",
        "weekStartDate": "2025-11-24", "lastUpdateDate": "2025-12-29",
    } | changes  # fmt: skip


@dataclass
class Stub:
    """What the API holds, what it says to the next requests instead, and what it was asked."""

    rows: list = field(default_factory=lambda: [row(number) for number in range(10)])
    page: int = 4
    total: bool = True
    answers: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    tokens: int = 0

    def answer(self, path, headers, query):
        if path.startswith("/token"):
            self.tokens += 1
            return 200, {}, json.dumps({"access_token": f"token-{self.tokens}"}).encode()
        self.asked.append((path, headers, query))
        if self.answers:
            return self.answers.pop(0)
        rows = self.rows[query["offset"] :][: self.page]
        totals = {"record-total": str(len(self.rows))} if self.total else {}
        return 200, totals, json.dumps(rows).encode()


@contextmanager
def played(stub, monkeypatch):
    """Serve the stub, and let the source find it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, answer = stub.answer(self.path, dict(self.headers), json.loads(body or b"{}"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("SPINE_FINRA_API_URL", url)
        monkeypatch.setenv("SPINE_FINRA_TOKEN_URL", f"{url}/token")
        for name in ("SPINE_FINRA_CLIENT_ID", "SPINE_FINRA_CLIENT_SECRET"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(api_source, "POLITENESS", 0)
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()

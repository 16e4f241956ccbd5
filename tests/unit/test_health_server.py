"""The health server answers a probe and stops, whatever other clients do."""

import socket
import threading
import urllib.error
import urllib.request

import pytest

from spine_temporal.runtime import health_server as module
from spine_temporal.runtime.health_server import health_server


class Asked:
    """A worker's health: what is away."""

    def __init__(self, **away):
        self.away = away


@pytest.fixture
def patient(monkeypatch):
    """A server that would wait for longer than a test may take."""
    monkeypatch.setattr(module._Quiet, "timeout", 600)


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def held(port, sent=b""):
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sendall(sent)
    return connection


@pytest.mark.parametrize("sent", [b"", b"GET /livez", b"GET /livez HTTP/1.1\r\nX-Slow: "])
def test_idle_connections_keep_no_probe_waiting(patient, sent):
    with health_server(Asked(), "127.0.0.1:0") as port:
        idle = [held(port, sent) for _ in range(100)]
        assert get(port, "/livez") == (200, '{"status": "alive"}')
        assert get(port, "/readyz")[0] == 200
        assert get(port, "/metrics")[0] == 200
        for connection in idle:
            connection.close()


def test_of_many_connections_the_oldest_give_way_so_that_threads_are_few(patient):
    before = threading.active_count()
    with health_server(Asked(), "127.0.0.1:0") as port:
        idle = [held(port) for _ in range(100)]
        assert get(port, "/livez")[0] == 200
        for connection in idle[: 100 - module._MOST]:
            assert connection.recv(1) == b""
        while threading.active_count() > before + module._MOST + 1:
            threading.Event().wait(0.01)
        for connection in idle:
            connection.close()


def test_the_end_does_not_wait_for_idle_connections_and_closes_them(patient):
    with health_server(Asked(), "127.0.0.1:0") as port:
        idle = held(port)
        assert get(port, "/livez")[0] == 200
    assert idle.recv(1) == b""
    idle.close()


def test_a_connection_that_says_nothing_is_closed(monkeypatch, capfd):
    monkeypatch.setattr(module._Quiet, "timeout", 0.1)
    with health_server(Asked(), "127.0.0.1:0") as port:
        idle = held(port, b"GET /")
        assert idle.recv(1) == b""
        idle.close()
    assert capfd.readouterr().err == ""


def test_an_error_that_is_shown_to_whoever_asks_has_no_password():
    asked = Asked(postgres="postgresql://spine:hunter2@db/spine does not answer")
    with health_server(asked, "127.0.0.1:0") as port:
        status, body = get(port, "/readyz")
    assert status == 503
    assert "hunter2" not in body
    assert "does not answer" in body

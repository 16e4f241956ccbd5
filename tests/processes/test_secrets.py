"""A password in an error of user code reaches neither the log, nor Postgres, nor Temporal's history, nor a terminal."""

import asyncio
import base64
import json

import psycopg
import pytest
from temporalio.client import Client

MODULES = "activities,workflows,tests.processes.leaking_jobs"
TABLES = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name LIKE 'core_%'
"""


def test_a_password_in_an_error_stays_where_it_was_raised(spine, start_worker, environment, servers, tmp_path):
    worker = start_worker(SPINE_MODULES=MODULES)
    ended = spine("run", "leaking", "--params", json.dumps({"test": 1}), SPINE_MODULES=MODULES)
    assert ended.returncode == 1
    [identity] = _column(environment, "SELECT workflow_id FROM core_runs")
    shown = [ended.stdout, ended.stderr]
    for command in (("why", identity), ("result", identity, "--json"), ("anomalies", "--json"), ("quality", "--json")):
        asked = spine(*command, SPINE_MODULES=MODULES)
        shown += [asked.stdout, asked.stderr]
    worker.terminate()
    worker.wait()
    log = (tmp_path / "worker0.log").read_text()
    rows = [
        row for table in _column(environment, TABLES) for row in _column(environment, f"SELECT t::text FROM {table} t")
    ]
    history = asyncio.run(_history(servers, identity))
    for text in (*shown, log, *rows, history):
        assert "hunter2" not in text
    assert "gave up with password=***" in log
    assert "connecting to postgresql://ann:***@db:5432/x" in log
    assert "cannot reach postgresql://ann:***@db:5432/x" in log
    assert "no TLS to postgresql://ann:***@db:5432/x" in log
    for text in ("".join(rows), history):
        assert "gave up with password=***" in text
        assert "no answer from postgresql://ann:***@db:5432/x" in text


@pytest.mark.parametrize("command", ["info", "manifest"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@127.0.0.1:9/x",
        "ann:hunter2@127.0.0.1:9/x",
        "postgresql://ann:hun/ter2@127.0.0.1:9/x",
        "postgresql://ann:hunter2@127.0.0.1:port/x",
        "host=127.0.0.1 port=9 password=hunter2",
    ],
)
def test_a_command_does_not_show_the_password_of_its_database(spine, command, url):
    ended = spine(command, SPINE_DATABASE_URL=url)
    assert ended.returncode in {2, 3}
    for text in (ended.stdout, ended.stderr):
        assert "hunter2" not in text
        assert "ter2" not in text
        assert "Traceback" not in text


async def _history(servers, identity):
    client = await Client.connect(servers.temporal_address)
    history = await client.get_workflow_handle(identity).fetch_history()
    return "\n".join(_texts(history.to_json_dict()))


def _texts(value):
    """Every text of a history; a payload's data is base64."""
    match value:
        case dict():
            for name, part in value.items():
                yield from (
                    [base64.b64decode(part).decode()] if name == "data" and isinstance(part, str) else _texts(part)
                )
        case list():
            for part in value:
                yield from _texts(part)
        case _:
            yield str(value)


def _column(environment, query):
    with psycopg.connect(environment["SPINE_DATABASE_URL"]) as connection:
        return [value for (value,) in connection.execute(query)]

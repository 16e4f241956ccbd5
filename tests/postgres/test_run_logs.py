"""Of what runs log, the newest lines are kept, for a while."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from spine_temporal.recording import run_logs
from spine_temporal.recording.run_logs import LogLine, list_logs, prune_logs, write_logs

LINE = LogLine(
    run_id="r1", step="ingest", attempt=1, logged_at=datetime.now(UTC), level="INFO", logger="l", message="m"
)


def messages(connection, run_id="r1", **options):
    return [line["message"] for line in list_logs(connection, run_id, **options)]


def test_the_newest_lines_of_each_run_are_kept(connection, monkeypatch):
    monkeypatch.setattr(run_logs, "MOST_LINES", 3)
    write_logs(connection, [replace(LINE, message=str(number)) for number in range(5)] + [replace(LINE, run_id="r2")])
    assert messages(connection) == ["2", "3", "4"]
    write_logs(connection, [replace(LINE, message="5", step="")])
    assert messages(connection) == ["3", "4", "5"]
    assert messages(connection, step="") == ["5"]
    assert messages(connection, limit=2) == ["4", "5"]
    [*_, last] = list_logs(connection, "r1")
    assert messages(connection, after=last["log_id"]) == []
    assert messages(connection, "r2") == ["m"]


def test_long_lines_of_a_run_give_way_too(connection, monkeypatch):
    monkeypatch.setattr(run_logs, "MOST_CHARACTERS", 250)
    write_logs(connection, [replace(LINE, message=f"{number}" * 100) for number in range(5)])
    assert [message[0] for message in messages(connection)] == ["3", "4"]


@pytest.mark.parametrize(("days", "kept"), [(2, ["new"]), (9, ["old", "new"])])
def test_old_lines_are_deleted(connection, days, kept):
    old = replace(LINE, logged_at=LINE.logged_at - timedelta(days=5), message="old")
    write_logs(connection, [old, replace(LINE, message="new")])
    prune_logs(connection, timedelta(days=days))
    assert messages(connection) == kept

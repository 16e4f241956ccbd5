"""What runs log is kept beside their transactions: also of an attempt that was rolled back, or whose process died."""

import asyncio
import logging
import threading
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from spine_temporal.recording.database import Database
from spine_temporal.recording.database_errors import DatabaseAwayError
from spine_temporal.recording.run_logs import LogLine, list_logs
from spine_temporal.runtime.metrics import LOG_LINES
from spine_temporal.runtime.run_logs import RunLogs
from tests.temporal.observed import GATED

LINE = LogLine(run_id="r1", logged_at=datetime.now(UTC), level="INFO", logger="l", message="m")


async def kept(database, run_id, count):
    """Return the lines once there are so many: they are written a moment later."""
    while True:
        with database.begin() as connection:
            lines = list_logs(connection, run_id)
        if len(lines) >= count:
            return lines
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("in_process", [False, True])
async def test_a_pipeline_s_own_lines_are_kept_with_what_the_worker_says_of_it(serve, in_process, caplog):
    caplog.set_level(logging.INFO, logger="observed")
    async with serve(GATED, in_process=in_process) as service:
        few = await service.execute(GATED, {"rows": 1})
        broken = await service.execute(GATED, {"does": "raise"})
        lines = await kept(service.database, few.run_id, 2)
        assert [(line["step"], line["attempt"], line["level"], line["logger"]) for line in lines] == [
            ("read", 1, "INFO", "observed"),
            ("check", None, "WARNING", "spine_temporal.runtime.failed_verdicts"),
        ]
        assert lines[0]["message"].startswith("read 1 rows with password=")
        assert "hunter2" not in lines[0]["message"]
        rolled_back = await kept(service.database, broken.run_id, 6)
    assert [(line["attempt"], line["level"]) for line in rolled_back] == [
        (number, level) for number in (1, 2, 3) for level in ("INFO", "WARNING")
    ]
    assert "the source is cut off" in rolled_back[-1]["message"]


async def test_lines_wait_for_postgres_and_what_is_too_much_is_dropped(database_url, database, monkeypatch):
    monkeypatch.setattr("spine_temporal.runtime.run_logs._PAUSE", 0.05)
    monkeypatch.setattr("spine_temporal.runtime.run_logs._WAITING", 20)
    away = threading.Event()
    begin = Database.begin

    def cut(self):
        if not away.is_set() and self is not database:
            raise DatabaseAwayError("it is away")
        return begin(self)

    monkeypatch.setattr(Database, "begin", cut)
    logs, dropped = RunLogs(database), LOG_LINES.labels("dropped")._value.get()
    run_id = uuid4().hex
    for number in range(600):
        logs.put(replace(LINE, run_id=run_id, message=str(number)))
    assert LOG_LINES.labels("dropped")._value.get() > dropped
    away.set()
    lines = await kept(database, run_id, 20)
    assert lines[0]["message"] == "0"
    logs.close()

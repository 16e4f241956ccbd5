"""A process of a worker logs as the worker does."""

import json
import logging
import sys

import pytest

from spine_temporal.runtime.json_logs import JsonFormatter as OurJsonFormatter
from spine_temporal.runtime.log_context import LogContext, process_works_on, working_on
from spine_temporal.runtime.processes.attempt_lines import LINE, AttemptLines
from spine_temporal.runtime.processes.child_logging import LoggingSetup


class JsonFormatter(logging.Formatter):
    """Formats as another program wants it."""

    def format(self, record):
        return json.dumps({"told": record.getMessage()})


@pytest.fixture
def root():
    """The root logger, as it was afterwards."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    logger.handlers.clear()
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logging.setLogRecordFactory(logging.LogRecord)


CONTEXT = LogContext(run_id="r1", workflow="w", step="ingest", attempt=2, partition={"day": "2026-01-02"})


def test_handlers_of_streams_and_files_write_what_the_worker_would(root, tmp_path, capsys):
    file = tmp_path / "worker.log"
    for handler, formatter in (
        (logging.StreamHandler(sys.stderr), logging.Formatter("%(levelname)s %(message)s")),
        (logging.FileHandler(file), JsonFormatter()),
        (logging.Handler(), None),
    ):
        handler.setFormatter(formatter)
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    setup = LoggingSetup.model_validate_json(LoggingSetup.of_this_process().model_dump_json())
    logging.shutdown()
    root.setLevel(logging.CRITICAL)
    setup.apply()
    kept = []
    with process_works_on(CONTEXT, lambda *given: kept.append(given), in_words=True):
        logging.getLogger("mine").info("told")
        logging.getLogger("mine").debug("not told")
    assert [(context, record.levelname) for context, record in kept] == [(CONTEXT, "INFO")]
    assert capsys.readouterr().err == "INFO told [ingest of run r1, attempt 2]\n"
    assert file.read_text() == '{"told": "told [ingest of run r1, attempt 2]"}\n'
    assert len(root.handlers) == 2
    for handler in root.handlers:
        handler.close()


def test_a_structured_line_has_fields_for_what_it_is_of_and_no_secret(root, capsys):
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OurJsonFormatter())
    root.addHandler(handler)
    setup = LoggingSetup.model_validate_json(LoggingSetup.of_this_process().model_dump_json())
    assert setup.structured
    setup.apply()
    with process_works_on(CONTEXT, lambda *_: None, in_words=not setup.structured):
        try:
            int("password=hunter2")
        except ValueError:
            logging.getLogger("mine").exception("read %s", "postgresql://ann:hunter2@db/x", extra={"rows": 7})
    line = json.loads(capsys.readouterr().err)
    assert "hunter2" not in json.dumps(line)
    assert line.pop("time").endswith("+00:00")
    assert "ValueError" in line.pop("exception")
    assert line.pop("message").startswith("read postgresql://")
    assert line == {
        "level": "ERROR", "logger": "mine", "rows": "7", "run_id": "r1", "workflow": "w", "step": "ingest",
        "attempt": 2, "partition": {"day": "2026-01-02"},
    }  # fmt: skip


def test_a_task_works_on_its_own_run_and_a_line_that_cannot_be_kept_is_still_logged(root, caplog):
    LoggingSetup.of_this_process().apply()

    def fail(*_):
        raise OSError

    with working_on(CONTEXT, fail):
        record = logging.getLogger("mine").makeRecord("mine", logging.INFO, "f", 1, "told", (), None)
    assert record.spine == CONTEXT
    assert not hasattr(logging.getLogger("mine").makeRecord("mine", logging.INFO, "f", 1, "told", (), None), "spine")


def test_of_an_attempt_that_logs_without_end_the_first_lines_are_told_and_the_last(root):
    told = []
    lines = AttemptLines(lambda line: told.append(LINE.validate_json(line)))
    for number in range(5000):
        lines.keep(CONTEXT, logging.makeLogRecord({"msg": f"{number} {'x' * 100}", "name": "mine"}))
    at_once = len(told)
    assert at_once < 1100
    lines.finish()
    messages = [line.message for line in told]
    assert [message.split()[0] for message in messages[:at_once]] == [str(number) for number in range(at_once)]
    assert messages[at_once] == f"{5000 - at_once - 200:,} lines are left out here"
    assert [message.split()[0] for message in messages[at_once + 1 :]] == [str(number) for number in range(4800, 5000)]
    assert {(line.run_id, line.step, line.attempt) for line in told} == {("r1", "ingest", 2)}

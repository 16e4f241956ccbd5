"""A process of a worker logs as the worker does."""

import json
import logging
import sys

import pytest

from spine_temporal.runtime.processes.child_logging import LoggingSetup, WorkingOn


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
    WorkingOn.now = ""
    logging.setLogRecordFactory(logging.LogRecord)


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
    WorkingOn.now = "ingest of run r1, attempt 2"
    logging.getLogger("mine").info("told")
    logging.getLogger("mine").debug("not told")
    assert capsys.readouterr().err == "INFO told [ingest of run r1, attempt 2]\n"
    assert file.read_text() == '{"told": "told [ingest of run r1, attempt 2]"}\n'
    assert len(root.handlers) == 2
    for handler in root.handlers:
        handler.close()

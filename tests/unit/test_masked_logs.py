"""What a worker writes to its log has no secrets: messages, tracebacks, warnings, and what nobody caught."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from spine_temporal.definition.redaction import LONGEST
from spine_temporal.runtime.masked_logs import MaskingFormatter

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import asyncio, gc, logging, threading, warnings
from spine_temporal.runtime.masked_logs import log_masked

URL = "postgresql://ann:hunter2@db:5432/x"
log_masked()
vendor = logging.getLogger("vendor.pool")
vendor.info("1 connects to %s", URL)
vendor.warning({"2": "a dict", "password": "hunter2"})

def fails(number):
    try:
        raise ValueError(f"inner: {URL}")
    except ValueError as inner:
        error = RuntimeError(f"{number} token=hunter2abc")
        error.add_note(f"note: {URL}")
        raise error from inner

try:
    fails("3 traceback")
except RuntimeError:
    vendor.exception("it failed")
warnings.warn(f"4 warned of {URL}")
thread = threading.Thread(target=fails, args=("5 thread",))
thread.start()
thread.join()

class Falls:
    def __del__(self):
        fails("6 unraisable")

falls = Falls()
del falls
gc.collect()

async def forgets():
    asyncio.create_task(asyncio.to_thread(fails, "7 task"))
    await asyncio.sleep(0.2)
    gc.collect()

asyncio.run(forgets())
fails("8 uncaught")
"""
UNCONFIGURED = """
import logging, warnings
from spine_temporal.runtime.masked_logs import mask_unhandled

mask_unhandled()
logging.getLogger("vendor").error("1 password=hunter2")
warnings.warn("2 password=hunter2")
raise RuntimeError("3 password=hunter2")
"""


def ended(program):
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("program", "last"), [(PROGRAM, 8), (UNCONFIGURED, 3)])
def test_no_way_into_the_log_goes_round_the_mask(program, last):
    process = ended(program)
    assert process.returncode == 1
    assert process.stdout == ""
    assert "hunter2" not in process.stderr
    for number in range(1, last + 1):
        assert f"{number} " in process.stderr or f"'{number}'" in process.stderr
    assert "Traceback (most recent call last)" in process.stderr


def test_a_line_that_is_too_long_is_cut_and_says_so():
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "word " * LONGEST, None, None)
    text = MaskingFormatter("%(message)s").format(record)
    assert len(text) < LONGEST + 100
    assert text.endswith(f"({4 * LONGEST:,} characters more)")

"""What every process of a worker does: it leads its own session, ignores signals, and ends with the worker."""

import ctypes
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from spine_temporal.runtime.masked_logs import mask_unhandled
from spine_temporal.runtime.processes.frames import Kind, Line

_PR_SET_PDEATHSIG = 1
_FAULT = 70


def do_nothing(*_: object) -> None:
    """Ignore a signal, as the worker acts on it; unlike SIG_IGN, programs that user code starts do not inherit this."""


def become_child(parent: int, work: Callable[[], None]) -> NoReturn:
    """Run the work in this process, then end the process."""
    code = _FAULT
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _die_with(parent)
        _forget_randomness()
        mask_unhandled()
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it ends this process, and is seen in its log
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def heed(control: Line, stop: Callable[[], None]) -> None:
    """Start a thread that calls ``stop`` when the worker asks for it, and ends the process when the worker is gone."""

    def listen() -> None:
        with suppress(OSError):
            while (frame := control.receive()) is not None:
                if frame.kind is Kind.STOP:
                    stop()
        os._exit(0)

    threading.Thread(target=listen, name="spine-control", daemon=True).start()


def _die_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends, also where user code never lets another thread run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _forget_randomness() -> None:
    """Give NumPy's global generator a seed of its own; Python's gets one at the fork."""
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()

"""How the programs of this folder end: with their own exit code, and nothing left behind."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


def end_with(main: Callable[[], int]) -> NoReturn:
    """Run a program and end the process here, as Temporal's native threads may abort Python's own ending.

    SIGTERM stops it as Ctrl-C does, so that its servers are stopped too.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

"""Pipelines that do to their process what no worker survives, and innocent ones beside them."""

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

from spine_temporal import Pipeline, RetryPolicy, Step, Workflow, register_pipeline


def backtrack():
    """Compute within one call that never lets another thread run."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def _fork():
    if os.fork() == 0:
        return


def _thread():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def _loop():
    while True:
        pass


def _stubborn():
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001 - it will not be stopped
            continue


POISONS = {
    "os._exit": lambda: os._exit(3),
    "sys.exit": lambda: sys.exit(3),
    "segmentation fault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "kill -9": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "KeyboardInterrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt),
    "GeneratorExit": lambda: (_ for _ in ()).throw(GeneratorExit),
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "memory": lambda: bytearray(400_000_000),
    "rows": lambda: None,
    "loop": _loop,
    "backtrack": backtrack,
    "stubborn": _stubborn,
    "fork": _fork,
    "thread": _thread,
    "chdir": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(SPINE_POISON="yes"),
}


@register_pipeline("poison.takes")
class Takes(Pipeline):
    """Says that it began, writes a row, and takes the poison."""

    def run(self):
        with Path(self.params["log"]).open("a") as log:
            log.write("x")
        self.record_anomaly("BEGUN", "a row of its transaction", severity="INFO")
        if self.params["poison"] == "rows":
            self.connection.exec_driver_sql("SELECT repeat('x', 1000) FROM generate_series(1, 300000)").fetchall()
        POISONS[self.params["poison"]]()
        return {"pid": os.getpid()}


@register_pipeline("poison.names")
class Names(Pipeline):
    """Takes the poison as it is asked what names its input."""

    @classmethod
    def fingerprint(cls, params):
        POISONS[params["poison"]]()
        return params["poison"]

    def run(self):
        return {"row_count": 1}


@register_pipeline("poison.answers_nothing")
class AnswersNothing(Pipeline):
    """Ends its process when its attempt has committed, before the worker hears of it; the first time."""

    def run(self):
        from spine_temporal.runtime.processes import attempt_child

        log = Path(self.params["log"])
        if not log.exists():
            attempt_child._Child._send = lambda *_: os._exit(3)
        log.write_text("x")
        return {"row_count": 1}


@register_pipeline("poison.innocent")
class Innocent(Pipeline):
    """Counts how often it was begun, and waits until it is let go."""

    def run(self):
        with Path(self.params["begun"]).open("a") as log:
            log.write("x")
        while not Path(self.params["go"]).exists():
            time.sleep(0.05)
        return {"row_count": 1}


@register_pipeline("poison.tells")
class Tells(Pipeline):
    """Tells of its process."""

    def run(self):
        return {"pid": os.getpid(), "cwd": os.getcwd(), "poisoned": "SPINE_POISON" in os.environ}


RETRY = RetryPolicy(max_attempts=2, initial_interval=0.05)
TAKES = Workflow(name="poison.takes", steps=[Step.pipeline("take", Takes.name, retry=RETRY)])
HANGS = Workflow(
    name="poison.hangs",
    steps=[Step.pipeline("take", Takes.name, timeout=1, retry=RetryPolicy(max_attempts=1))],
)
ANSWERS_NOTHING = Workflow(
    name="poison.answers_nothing",
    steps=[Step.pipeline("take", AnswersNothing.name, retry=RetryPolicy(max_attempts=1)), Step.wait("rest", 0.1)],
)
WAITS = Workflow(name="poison.waits", steps=[Step.pipeline("take", Takes.name)])
SMALL = Workflow(name="poison.small", steps=[Step.pipeline("take", Takes.name, memory="64 MB")])
LARGE = Workflow(name="poison.large", steps=[Step.pipeline("take", Takes.name, memory="2GB")])
INNOCENT = Workflow(name="poison.innocent", steps=[Step.pipeline("wait", Innocent.name, heartbeat_timeout=2)])
NAMES = Workflow(name="poison.names", steps=[Step.pipeline("name", Names.name)])
TELLS = Workflow(name="poison.tells", steps=[Step.pipeline("tell", Tells.name)])
ALL = tuple(value for value in list(globals().values()) if isinstance(value, Workflow))

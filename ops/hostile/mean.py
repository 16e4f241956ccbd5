"""A gate and a pipeline that do what their run's params say: raise, hang, leak, end the transaction or the process."""

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from spine_temporal import Pipeline, RetryPolicy, Step, StepResult, Workflow, WorkflowContext, register_pipeline

#: No key: a row that is written twice is there twice.
TABLE = "CREATE TABLE mean_rows (test text)"

#: Memory that the pipeline may take, and what the mean one asks for.
_MEMORY, _TOO_MUCH = "128 MB", 600_000_000
FINE = "fine"


def _raises(error: type[BaseException]) -> Callable[..., Any]:
    def do(*_given: Any) -> None:
        raise error("on purpose")

    return do


def _loop(*_given: Any) -> None:
    while True:
        pass


def _backtrack(*_given: Any) -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def _deep(*_given: Any) -> None:
    _deep()


def _stubborn(*_given: Any) -> None:
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001, S112 - it will not be stopped
            continue


def _fork(*_given: Any) -> None:
    if os.fork() == 0:
        time.sleep(0.2)
        os._exit(0)


def _thread(*_given: Any) -> None:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def _signal(number: int) -> Callable[..., Any]:
    return lambda *_given: os.kill(os.getpid(), number)


def _sql(*statements: str) -> Callable[[Any], None]:
    def do(connection: Any) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    return do


_RAISED = {
    error.__name__: _raises(error)
    for error in (
        SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, BaseException, KeyError, StopIteration,
        MemoryError, RecursionError, TimeoutError,
    )
}  # fmt: skip

#: What a gate does, and the category that its run fails with; None: it completes.
GATES: dict[str, tuple[Callable[..., Any], str | None]] = {
    FINE: (lambda _context: None, None),
    **{name: (do, "INTERNAL") for name, do in _RAISED.items()},
    "deep": (_deep, "INTERNAL"),
    "memory": (lambda _context: bytearray(4_000_000_000), "INTERNAL"),
    "returns an object": (lambda _context: object(), "CONFIGURATION"),
    "loop": (_loop, "CONFIGURATION"),
    "backtrack": (_backtrack, "CONFIGURATION"),
}
#: What a pipeline does with its connection and its process, and the category that its run fails with.
PIPELINES: dict[str, tuple[Callable[[Any], Any], str | None]] = {
    FINE: (lambda _connection: None, None),
    **{name: (do, "INTERNAL") for name, do in _RAISED.items()},
    "deep": (_deep, "INTERNAL"),
    "memory": (lambda _connection: bytearray(_TOO_MUCH), "CONFIGURATION"),
    "MemoryError": (_raises(MemoryError), "CONFIGURATION"),
    "exits": (lambda _connection: os._exit(3), "INTERNAL"),
    "killed": (_signal(signal.SIGKILL), "INTERNAL"),
    "segmentation fault": (_signal(signal.SIGSEGV), "INTERNAL"),
    "sleeps": (lambda _connection: time.sleep(3600), "TIMEOUT"),
    "stubborn": (_stubborn, "TIMEOUT"),
    "loop": (_loop, "TIMEOUT"),
    "backtrack": (_backtrack, "TIMEOUT"),
    "COMMIT": (_sql("COMMIT"), "CONFIGURATION"),
    "ROLLBACK": (_sql("ROLLBACK"), "CONFIGURATION"),
    "commits": (lambda connection: connection.commit(), "CONFIGURATION"),
    "closes": (lambda connection: connection.close(), "CONFIGURATION"),
    "fork": (_fork, None),
    "thread": (_thread, None),
    "folder": (lambda _connection: os.chdir("/"), None),
    "settings": (_sql("SET work_mem = '77MB'", "SET timezone = 'Asia/Tokyo'"), None),
    "advisory lock": (_sql("SELECT pg_advisory_lock(pg_backend_pid())"), None),
    "read-only later": (_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"), None),
    "temporary table": (_sql("CREATE TEMPORARY TABLE mean_left (test text)"), None),
}
#: Those that end their transaction by themselves, and so keep the row that they wrote before, in each attempt.
KEEPING = frozenset({"COMMIT"})
#: Those that take until they are stopped.
SLOW = frozenset({"loop", "backtrack", "sleeps", "stubborn"})


def expected(gate: str, pipeline: str) -> tuple[str, str | None, str | None]:
    """Return the status, the category and the step that a run of these must end with."""
    for step, category in (("gate", GATES[gate][1]), ("work", PIPELINES[pipeline][1])):
        if category is not None:
            return "FAILED", category, step
    return "COMPLETED", None, None


def _gate(ctx: WorkflowContext, _config: Any) -> Any:
    left = GATES[ctx.params["gate"]][0](ctx)
    return StepResult.ok() if left is None else left


@register_pipeline("mean.work")
class Work(Pipeline):
    """Writes a row, and does what it is told."""

    def run(self) -> dict[str, Any]:
        """Return that it wrote a row."""
        does = PIPELINES[self.params["pipeline"]][0]
        self.connection.exec_driver_sql("INSERT INTO public.mean_rows VALUES (%s)", (self.params["test"],))
        does(self.connection)
        return {"row_count": 1}


MEAN = Workflow(
    name="mean.job",
    domain="mean",
    partition_by=["test"],
    steps=[
        Step.lambda_("gate", _gate),
        Step.pipeline("work", Work.name, timeout=5, memory=_MEMORY, retry=RetryPolicy(max_attempts=1)),
    ],
)

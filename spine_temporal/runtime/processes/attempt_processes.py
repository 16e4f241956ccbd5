"""Processes for attempts of pipelines: idle ones are used again, hanging ones killed, dead ones fail their attempt."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from spine_temporal.definition.errors import DefinitionError, ErrorCategory, SpineError
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.recording.attempt_sessions import end_attempts
from spine_temporal.recording.database import Database
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.processes import fork_server
from spine_temporal.runtime.processes.attempt_lines import LINE
from spine_temporal.runtime.processes.attempt_process import AttemptProcess, Beat
from spine_temporal.runtime.processes.child_logging import LoggingSetup
from spine_temporal.runtime.processes.frames import Kind
from spine_temporal.runtime.processes.host import ProcessHost
from spine_temporal.runtime.processes.memory import DEFAULT_MEMORY
from spine_temporal.runtime.processes.messages import (
    AttemptAnswer,
    AttemptRequest,
    AttemptsStart,
    FingerprintAnswer,
    FingerprintRequest,
)
from spine_temporal.runtime.run_logs import RunLogs
from spine_temporal.runtime.tracing import carrier
from spine_temporal.translation.pipeline_messages import StepDone

_log = logging.getLogger(__name__)

#: Seconds that an attempt gets to end by itself when it is stopped, before its process is killed.
LAST_WORDS = 5.0


class WorkerLostError(SpineError):
    """Raised when the process of an attempt ends before the attempt does."""

    def __init__(self, how: str) -> None:
        super().__init__(
            f"the process of this attempt {how}: look for what ends it in the pipeline (os._exit, a library that "
            "crashes, memory), and in the worker's log",
            ErrorCategory.INTERNAL,
            code="WORKER_LOST",
        )


class AttemptProcesses:
    """Runs attempts in processes of a host; each worker has one."""

    def __init__(self, host: ProcessHost, database: Database, logs: RunLogs | None = None) -> None:
        self._host = host
        self._database = database
        self._logs = logs
        self._idle: list[AttemptProcess] = []

    async def begin(self, attempt: Attempt, beat: Beat) -> "RunningAttempt":
        """Begin an attempt; ``beat`` is called with what it tells of its progress."""
        process = self._from_idle() or await self._begun()
        running = RunningAttempt(self, process, attempt)
        process.ask(running.request(), beat)
        return running

    async def fingerprint(self, pipeline: type[Pipeline], params: Mapping[str, Any], patience: float) -> Any:
        """Return the fingerprint of a pipeline's input; raises ``SpineError`` if there is none in time."""
        process = self._from_idle() or await self._begun()
        request = FingerprintRequest(pipeline=pipeline.name, params=dict(params))
        process.ask(request.model_dump_json(), kind=Kind.FINGERPRINT)
        try:
            text = await asyncio.wait_for(asyncio.shield(process.answer), patience)
        except (TimeoutError, asyncio.CancelledError) as error:
            await asyncio.to_thread(self._host.kill, process.pid)
            process.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise SpineError(f"it took longer than {patience:g} s", ErrorCategory.TIMEOUT) from None
        if text is None:
            raise WorkerLostError(await process.obituary())
        answer = FingerprintAnswer.model_validate_json(text)
        if answer.is_spent:
            process.close()
        else:
            self.put_back(process)
        if answer.error is not None:
            raise SpineError(answer.error)
        return answer.value

    def close(self) -> None:
        """Close the idle processes; those that work end with the host."""
        for process in self._idle:
            process.close()
        self._idle.clear()

    def put_back(self, process: AttemptProcess) -> None:
        """Keep a process for the next attempt."""
        self._idle.append(process)

    async def kill(self, process: AttemptProcess, attempt: Attempt) -> None:
        """Kill a process, and end its session: what its attempt has not committed is rolled back at once."""
        await asyncio.to_thread(self._host.kill, process.pid)
        process.close()
        await self.end_session(attempt)

    async def end_session(self, attempt: Attempt) -> None:
        """End the session of a process that is gone; Postgres may not have noticed."""

        def end() -> None:
            with self._database.begin() as connection:
                end_attempts(connection, [attempt.execution.execution_id])

        with suppress(SpineError):  # Postgres is away: a session that it has no more need not be ended
            await asyncio.to_thread(end)

    def _from_idle(self) -> AttemptProcess | None:
        while self._idle:
            process = self._idle.pop()
            if process.lives:
                return process
        return None

    async def _begun(self) -> AttemptProcess:
        """Return a new process; if the caller has gone by the time it is ready, it waits for the next attempt."""
        beginning = asyncio.ensure_future(self._new())
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(self._keep)
            raise

    def _keep(self, begun: "asyncio.Future[AttemptProcess]") -> None:
        if not begun.cancelled() and begun.exception() is None:
            self.put_back(begun.result())

    def _logged(self, line: bytes) -> None:
        if self._logs is not None:
            self._logs.put(LINE.validate_json(line))

    async def _new(self) -> AttemptProcess:
        try:
            child = await asyncio.to_thread(self._host.child, fork_server.ATTEMPTS)
        except DefinitionError as error:
            raise SpineError(str(error), ErrorCategory.CONFIGURATION) from None
        process = AttemptProcess(child, self._logged)
        await process.open()
        process.send(
            Kind.START,
            AttemptsStart(
                database_url=self._database.url,
                database_schema=self._database.schema,
                logging=LoggingSetup.of_this_process(),
                loading=child.loading,
            ).model_dump_json(),
        )
        return process


class RunningAttempt:
    """An attempt that runs in a process."""

    def __init__(self, processes: AttemptProcesses, process: AttemptProcess, attempt: Attempt) -> None:
        self._processes = processes
        self._process = process
        self._attempt = attempt

    @property
    def done(self) -> "asyncio.Future[Any]":
        """Done when the process has answered, or has ended."""
        return self._process.answer

    def request(self) -> str:
        """Return the request that the process gets."""
        attempt = self._attempt
        return AttemptRequest(
            request=attempt.request,
            attempt=attempt.attempt,
            progress=attempt.progress,
            memory=attempt.request.memory or DEFAULT_MEMORY,
            is_local=attempt.is_local,
            **({"trace": traced} if (traced := carrier()) else {}),
        ).model_dump_json(exclude_unset=True)

    async def result(self) -> StepDone:
        """Return what the attempt came to; raises ``SpineError`` as it did, or ``WorkerLostError``."""
        text = await self._process.answer
        if text is None:
            await self._processes.end_session(self._attempt)
            raise WorkerLostError(await self._process.obituary())
        answer = AttemptAnswer.model_validate_json(text)
        if answer.is_spent or self._process.was_stopped:
            self._process.close()
        else:
            self._processes.put_back(self._process)
        if answer.error is not None:
            self._attempt.measured = answer.error.measured
            if answer.error.round is not None:
                self._attempt.execution = replace(self._attempt.execution, round=answer.error.round)
            raise answer.error.raised()
        assert answer.outcome is not None  # noqa: S101 - one of the two is there
        self._attempt.measured = answer.measured
        return answer.outcome

    async def stop(self) -> StepDone | None:
        """Stop it; return its outcome where it had committed already."""
        self._process.stop()
        done, _ = await asyncio.wait([self._process.answer], timeout=LAST_WORDS)
        if not done:
            request = self._attempt.request
            _log.warning("step %s of run %s does not stop: its process is killed", request.step, request.key.run_id)
            await self._processes.kill(self._process, self._attempt)
            return None
        with suppress(SpineError):
            return await self.result()
        return None

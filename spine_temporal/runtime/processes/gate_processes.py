"""Gates in processes: one that computes for too long, or ends its process, fails its step and nothing else."""

import os
import pickle
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from temporalio.worker.workflow_sandbox import SandboxRestrictions

from spine_temporal.definition.errors import DefinitionError, ErrorCategory, ParamsError, SpineError
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import Question
from spine_temporal.machine.step_outcome import Answered, Failed
from spine_temporal.runtime.processes import fork_server
from spine_temporal.runtime.processes.child_logging import LoggingSetup
from spine_temporal.runtime.processes.frames import Kind
from spine_temporal.runtime.processes.gate_child import GATE_LIMIT
from spine_temporal.runtime.processes.gate_process import DiedError, GateProcess, TooLongError
from spine_temporal.runtime.processes.host import NoProcessError, ProcessHost
from spine_temporal.runtime.processes.messages import GateRequest, GatesStart, ParamsAnswer, ParamsRequest
from spine_temporal.translation.classes import Source
from spine_temporal.translation.gate_messages import Verdict

#: Seconds that an activation of a workflow spends on gates, on all that it asks: less than the SDK's own two, which
#: hold where ``let_activations_take`` finds nothing to set.
_PATIENCE = 1.7
#: Of these, what a new process may take.
_PATIENCE_FOR_PROCESS = 0.5
#: Seconds below which no gate is asked any more.
_TOO_SHORT = 0.05
#: Processes that are asked at once, and kept while none is: gates compute, and more processes than processors are
#: no faster. Where none of them is free for so many seconds, another one is asked, and after as many the next.
AT_ONCE = min(8, max(2, os.cpu_count() or 2))
_MOMENT = 0.1
#: Seconds after which nobody asks again for an answer that was not there in time.
_FORGOTTEN = 120.0


class GateProcesses:
    """Asks gates in processes of a host; threads of workflow tasks wait here."""

    def __init__(self, host: ProcessHost, restrictions: SandboxRestrictions) -> None:
        self._host = host
        self._restrictions = pickle.dumps(restrictions).hex()
        self._idle: list[GateProcess] = []
        #: By request: since when its answer is late, and who is to give it.
        self._late: dict[str, tuple[float, GateProcess]] = {}
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        #: Who holds it is the next that goes on without a turn.
        self._next = threading.Lock()

    def of(self, source: Source, run_id: str) -> "RunGates":
        """Return what asks the gates of one run of the workflow of that source."""
        return RunGates(self, source, run_id)

    def answer(self, name: str, request: str, patience: float) -> Answered | None:
        """Return a gate's answer, within ``patience`` seconds.

        None where no process can be had now, where the machine is too busy for the gate, and where there is no time
        left. Asked again, the process that went on has the answer, or has computed for too long.
        """
        try:
            verdict = Verdict.model_validate_json(self._exchanged(Kind.REQUEST, request, patience))
        except NoProcessError:
            return None
        except DefinitionError as error:
            return Failed(step=name, error=str(error), category=ErrorCategory.CONFIGURATION.value)
        except TooLongError:
            told = f"GATE_TIMEOUT: gate {name!r} took longer than {GATE_LIMIT:g} s: do it in a pipeline"
            return Failed(step=name, error=told, category=ErrorCategory.CONFIGURATION.value)
        except DiedError as died:
            told = f"WORKER_LOST: gate {name!r}: the process that asked it {died}"
            return Failed(step=name, error=told, category=ErrorCategory.INTERNAL.value)
        return None if verdict.missing else verdict.outcome

    def params(self, workflow: Workflow, source: Source, given: Any, *, inherited: bool) -> dict[str, Any]:
        """Return the params of a run as its ``params_model`` has them; raises ``SpineError``."""
        request = ParamsRequest(module=source.module, attribute=source.attribute, given=given, inherited=inherited)
        try:
            text = self._exchanged(Kind.PARAMS, request.model_dump_json(), _PATIENCE)
        except DefinitionError as error:
            raise SpineError(str(error), ErrorCategory.CONFIGURATION) from None
        except TooLongError:
            raise ParamsError(
                f"params of {workflow.name!r}: their validation took longer than {GATE_LIMIT:g} s: let params_model "
                "check what they look like, and a pipeline what they mean",
                code="PARAMS_TIMEOUT",
            ) from None
        except DiedError as died:
            raise ParamsError(f"params of {workflow.name!r}: the process that validated them {died}") from None
        answer = ParamsAnswer.model_validate_json(text)
        if answer.error is not None:
            refusal = ParamsError(answer.error)
            refusal.code, refusal.traceback = answer.code, answer.traceback
            raise refusal
        return answer.params

    def _exchanged(self, kind: Kind, request: str, patience: float) -> bytes:
        if patience < _TOO_SHORT:
            raise NoProcessError("there is no time left for another gate")
        until = time.monotonic() + patience
        with self._turn(until):
            return self._asked(kind, request, until)

    @contextmanager
    def _turn(self, until: float) -> Iterator[None]:
        """Wait for a turn; where none comes for a moment, one after the other goes on without."""
        has_turn = self._turns.acquire(timeout=_MOMENT)
        if not has_turn:
            if not self._next.acquire(timeout=max(0.0, until - time.monotonic())):
                raise NoProcessError("the machine is too busy to ask the gate")
            has_turn = self._turns.acquire(timeout=_MOMENT)
            self._next.release()
        try:
            yield
        finally:
            if has_turn:
                self._turns.release()

    def _asked(self, kind: Kind, request: str, until: float) -> bytes:
        """Ask a process. If its time is over, it goes on, and the next equal request gets its answer.

        That it waits, and does not compute, says nothing of one that has not had its time.
        """
        late = self._taken_up(request)
        process, began = late or self._process(), time.monotonic()
        try:
            text = process.ask(kind, request, until)
        except TimeoutError:
            if late is None and (process.is_runnable or time.monotonic() - began < GATE_LIMIT):
                self._late[request] = (time.monotonic(), process)
                raise NoProcessError("the machine is too busy to ask the gate") from None
            self._kill(process)
            raise TooLongError from None
        if text is None:
            raise process.ending()
        self._put_back(process)
        return text

    def _taken_up(self, request: str) -> GateProcess | None:
        """Return the process that still computes the answer to this request; close those whose request is forgotten."""
        before = time.monotonic() - _FORGOTTEN
        for other, (since, process) in list(self._late.items()):
            if since < before and self._late.pop(other, None) is not None:
                self._kill(process)
        found = self._late.pop(request, None)
        return None if found is None else found[1]

    def close(self) -> None:
        """Close the processes."""
        with self._lock:
            for process in self._idle:
                process.child.close()
            self._idle.clear()
            for _, process in self._late.values():
                process.child.close()
            self._late.clear()

    def _process(self) -> GateProcess:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.lives:
                    return process
                process.child.close()
        child = self._host.child(fork_server.GATES, patience=_PATIENCE_FOR_PROCESS)
        start = GatesStart(
            restrictions=self._restrictions, logging=LoggingSetup.of_this_process(), loading=child.loading
        )
        try:
            child.channel.send(Kind.START, start.model_dump_json())
        except OSError as error:
            child.close()
            raise NoProcessError(f"a process for gates has died: {error}") from None
        return GateProcess(child)

    def _put_back(self, process: GateProcess) -> None:
        with self._lock:
            if len(self._idle) < AT_ONCE:
                self._idle.append(process)
                return
        process.child.close()

    def _kill(self, process: GateProcess) -> None:
        self._host.kill(process.child.pid)
        process.child.close()


@dataclass
class RunGates:
    """Asks the gates of one run."""

    processes: GateProcesses
    source: Source
    run_id: str
    #: When the time of the current activation is over.
    _until: float = 0.0

    def begin(self) -> None:
        """Begin an activation of the run."""
        self._until = time.monotonic() + _PATIENCE

    def answer(self, question: Question) -> Answered | None:
        """Return the answer; never raises."""
        request = GateRequest(
            run_id=self.run_id, module=self.source.module, attribute=self.source.attribute, question=question
        )
        left = self._until - time.monotonic()
        return self.processes.answer(question.step.name, request.model_dump_json(), left)

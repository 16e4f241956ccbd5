"""A process that asks gates, one at a time, in Temporal's sandbox, with its own copy of each module that has them.

The kernel ends the process where a gate computes for too long: no code of its own could, as one call into C may keep
every other thread from running.
"""

import pickle
import signal
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from pydantic import BaseModel
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.params import resolve_params
from spine_temporal.runtime.log_context import LogContext, process_works_on
from spine_temporal.runtime.processes.frames import Kind, Line
from spine_temporal.runtime.processes.loading import load
from spine_temporal.runtime.processes.memory import DEFAULT_MEMORY, limited
from spine_temporal.runtime.processes.messages import GateRequest, GatesStart, ParamsAnswer, ParamsRequest
from spine_temporal.translation import classes
from spine_temporal.translation.classes import Source
from spine_temporal.translation.gate_messages import Verdict
from spine_temporal.translation.guard import Guard
from spine_temporal.translation.snapshot import MAIN

#: Seconds that a gate may compute, and its module as it is loaded; what ends the process then.
GATE_LIMIT = 1.0
TOO_LONG = signal.SIGPROF

#: Copies that are kept; one that was forgotten is loaded again.
_KEPT = 64


def serve(channel: Line, _control: Line) -> None:
    """Answer the worker's questions until it stops asking."""
    frame = channel.receive()
    if frame is None:
        return
    start = GatesStart.model_validate_json(frame.text)
    start.logging.apply()
    if start.loading is not None:
        load(start.loading)
    # The worker's own, from the worker itself.
    child = _Child(pickle.loads(bytes.fromhex(start.restrictions)), in_words=not start.logging.structured)  # noqa: S301
    while (frame := channel.receive()) is not None:
        answer: BaseModel
        if frame.kind is Kind.PARAMS:
            answer = _validated(ParamsRequest.model_validate_json(frame.text))
        else:
            answer = child.answer(GateRequest.model_validate_json(frame.text))
        channel.send(Kind.ANSWER, answer.model_dump_json(exclude_unset=True))


class _Child:
    """Asks gates, with the copies that it has."""

    def __init__(self, restrictions: SandboxRestrictions, *, in_words: bool) -> None:
        self._restrictions = restrictions
        self._in_words = in_words
        #: By what they guard, and where runs do not share it, by the run.
        self._guards: OrderedDict[tuple[Source, str], Guard] = OrderedDict()

    def answer(self, asked: GateRequest) -> Verdict:
        """Ask the code of the run."""
        step = asked.question.step.name
        context = LogContext(run_id=asked.run_id, step=step)
        with process_works_on(context, _not_kept, in_words=self._in_words), limited(DEFAULT_MEMORY):
            with _computing():
                guard = self._guard(asked.run_id, Source(module=asked.module, attribute=asked.attribute))
            with _computing():
                answer = guard.answer(asked.question)
        return Verdict.of(step, answer)

    def _guard(self, run_id: str, source: Source) -> Guard:
        guard = self._guards.pop((source, ""), None) or self._guards.pop((source, run_id), None)
        if guard is None or guard.is_spent:
            guard = Guard(partial(classes.load, source), source.module, self._restrictions)
        guard.load()
        self._guards[source, "" if guard.is_shared else run_id] = guard
        if len(self._guards) > _KEPT:
            self._guards.popitem(last=False)
        return guard


def _not_kept(*_: object) -> None:
    """Keep nothing: a gate is asked wherever its run is replayed, and would say it again."""


def _validated(asked: ParamsRequest) -> ParamsAnswer:
    """Validate params; the model's code is not guarded, as it need not be deterministic."""
    module = "__main__" if asked.module == MAIN else asked.module
    with limited(DEFAULT_MEMORY), _computing():
        try:
            workflow = classes.load(Source(module=module, attribute=asked.attribute))
            return ParamsAnswer(params=resolve_params(workflow, asked.given, inherited=asked.inherited))
        except ParamsError as error:
            return ParamsAnswer(error=str(error), code=error.code, traceback=error.traceback)


@contextmanager
def _computing() -> Iterator[None]:
    """End the process where the block computes for longer than it may."""
    signal.setitimer(signal.ITIMER_PROF, GATE_LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)

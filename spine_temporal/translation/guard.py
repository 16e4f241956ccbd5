"""Who asks the user's gates: a process of the worker, or Temporal's sandbox around them in this one.

The driver is our own, pure and the same for every run; what must be guarded is the user's module. Temporal enters its
sandbox for each activation and each payload, about eighty times in a run of five steps; here it is entered for each
gate.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property
from typing import Protocol

from temporalio.worker.workflow_sandbox import SandboxRestrictions

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.faults import describe
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import Question, answer_to
from spine_temporal.machine.step_outcome import Answered, Failed
from spine_temporal.sdk_private import Sandbox


class Gates(Protocol):
    """Answers the questions of one run to the code of its steps."""

    def answer(self, question: Question) -> Answered | None:
        """Return the answer, within the time that a workflow task may take; never raises."""


_gates: ContextVar["Gates | None"] = ContextVar("spine_gates", default=None)


class Guard:
    """The sandbox of one run: its own copy of the user's module, in which gates can do nothing but compute."""

    def __init__(self, load: Callable[[], Workflow], module: str, restrictions: SandboxRestrictions) -> None:
        """Guard the workflow that ``load`` gives, of a module; it is loaded when it is first asked."""
        self._load = load
        self._sandbox = Sandbox(restrictions, module)

    @cached_property
    def workflow(self) -> Workflow:
        """The workflow, of this run's own copy of its module; raises what the import does."""
        with self._sandbox.importing():
            return self._load()

    def load(self) -> None:
        """Load the workflow, where that is not done; what the import raises is told when it is asked."""
        with suppress(BaseException):
            _ = self.workflow

    def answer(self, question: Question) -> Answered | None:
        """Ask the code; a module that cannot be loaded so fails the step."""
        try:
            workflow = self.workflow
        except BaseException as error:  # noqa: BLE001 - the module is the user's
            told = clean_text(f"the module of the workflow cannot be loaded in Temporal's sandbox: {describe(error)}")
            return Failed(step=question.step.name, error=told, category=ErrorCategory.CONFIGURATION.value)
        with self._sandbox.running():
            return answer_to(question, workflow)


@contextmanager
def asked_by(gates: Gates) -> Iterator[None]:
    """Let these answer the run that is driven in the block, and the tasks that it begins there."""
    token = _gates.set(gates)
    try:
        yield
    finally:
        _gates.reset(token)


def ask(question: Question, workflow: Workflow) -> Answered | None:
    """Ask the copy of the user's code that the current run has; without one, ask the workflow itself."""
    gates = _gates.get()
    return answer_to(question, workflow) if gates is None else gates.answer(question)

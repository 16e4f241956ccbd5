"""Who asks the user's gates: a process of the worker, or Temporal's sandbox around them in this one.

The driver is our own, pure and the same for every run; what must be guarded is the user's module. Temporal enters its
sandbox for each activation and each payload, about eighty times in a run of five steps; here it is entered for each
gate.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property
from types import ModuleType
from typing import Protocol

from temporalio.worker.workflow_sandbox import SandboxRestrictions

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.faults import describe
from spine_temporal.definition.json_values import clean_text
from spine_temporal.definition.workflow import Workflow
from spine_temporal.machine.evaluate import Question, answer_to
from spine_temporal.machine.step_outcome import Answered, Failed
from spine_temporal.sdk_private import Sandbox
from spine_temporal.translation import snapshot
from spine_temporal.translation.module_state import ModuleState, UnseenError


class Gates(Protocol):
    """Answers the questions of one run to the code of its steps."""

    def begin(self) -> None:
        """Begin an activation of the run: its time for gates begins."""

    def answer(self, question: Question) -> Answered | None:
        """Return the answer, within the time that a workflow task may take; never raises."""


_gates: ContextVar["Gates | None"] = ContextVar("spine_gates", default=None)


class Guard:
    """A sandbox with its own copy of the user's module, in which gates can do nothing but compute.

    Runs share it: a gate that changes what the module holds fails for that.
    """

    def __init__(self, load: Callable[[], Workflow], module: str, restrictions: SandboxRestrictions) -> None:
        """Guard the workflow that ``load`` gives, of a module; it is loaded when it is first asked."""
        self._load = load
        self._module = module
        self._sandbox = Sandbox(restrictions, module)
        #: What the service's modules hold; None: nobody can tell.
        self._state: ModuleState | None = None
        #: Whether other runs may ask it as well, and whether nobody may any more.
        self.is_shared, self.is_spent = True, False

    @cached_property
    def workflow(self) -> Workflow:
        """The workflow, of this guard's own copy of its module; raises what the import does."""
        with self._sandbox.importing():
            workflow = self._load()
        try:
            self._state = ModuleState(self._modules())
        except UnseenError:
            self.is_shared = False
        return workflow

    def _modules(self) -> dict[str, ModuleType]:
        names, loaded = (self._module, *snapshot.kept_modules()), self._sandbox.modules
        return {name: loaded[name] for name in names if isinstance(loaded.get(name), ModuleType)}

    def load(self) -> None:
        """Load the workflow, where that is not done; what the import raises is told when it is asked."""
        with suppress(BaseException):
            _ = self.workflow

    def begin(self) -> None:
        """Begin an activation; in this process nothing limits its time."""

    def answer(self, question: Question) -> Answered | None:
        """Ask the code; a module that cannot be loaded so fails the step."""
        try:
            workflow = self.workflow
        except BaseException as error:  # noqa: BLE001 - the module is the user's
            told = clean_text(f"the module of the workflow cannot be loaded in Temporal's sandbox: {describe(error)}")
            return Failed(step=question.step.name, error=told, category=ErrorCategory.CONFIGURATION.value)
        with self._sandbox.running():
            answer = answer_to(question, workflow)
        changed = self._changed()
        if not changed:
            return answer
        told = (
            f"{question.step.name!r} changes {changed}, which every run that asks it shares: give what it finds in the "
            "output of the step, or find it in a pipeline"
        )
        return Failed(step=question.step.name, error=told, category=ErrorCategory.CONFIGURATION.value)

    def _changed(self) -> str:
        """Return what the code has changed of the modules; no other run is to see it.

        It is looked for outside of the sandbox, whose ``isinstance`` takes ten times as long.
        """
        if self._state is None:
            return ""
        try:
            changed = self._state.change(self._modules())
        except UnseenError:
            self.is_spent = True
            return ""
        self.is_spent = bool(changed)
        return changed


@contextmanager
def asked_by(gates: Gates) -> Iterator[None]:
    """Let these answer the run that is driven in the block, and the tasks that it begins there."""
    gates.begin()
    token = _gates.set(gates)
    try:
        yield
    finally:
        _gates.reset(token)


def ask(question: Question, workflow: Workflow) -> Answered | None:
    """Ask the copy of the user's code that the current run has; without one, ask the workflow itself."""
    gates = _gates.get()
    return answer_to(question, workflow) if gates is None else gates.answer(question)

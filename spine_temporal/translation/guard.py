"""Temporal's sandbox, around the code of gates alone.

The driver is our own, pure and the same for every run; what must be guarded is the user's module. Temporal enters its
sandbox for each activation and each payload, about eighty times in a run of five steps; here it is entered for each
gate.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from temporalio import workflow as temporal
from temporalio.worker.workflow_sandbox import SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer
from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext

from spine_temporal.definition.workflow import Workflow

_guard: ContextVar["Guard | None"] = ContextVar("spine_guard", default=None)


class Guard:
    """The sandbox of one run: its own copy of the user's module, in which gates can do nothing but compute."""

    def __init__(self, load: Callable[[], Workflow], module: str, restrictions: SandboxRestrictions) -> None:
        """Load the workflow of a module; what its import raises is raised here."""
        self._context = RestrictionContext()
        self._importer = Importer(restrictions, self._context, workflow_module_name=module)
        with self._entered():
            self.workflow = load()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Guard what the block calls."""
        self._context.is_runtime = self._context.in_activation = True
        try:
            with self._entered():
                yield
        finally:
            self._context.is_runtime = self._context.in_activation = False

    @contextmanager
    def current(self) -> Iterator[None]:
        """Be the guard of the run that is driven in the block, and of the tasks that it begins there."""
        token = _guard.set(self)
        try:
            yield
        finally:
            _guard.reset(token)

    @contextmanager
    def _entered(self) -> Iterator[None]:
        temporal.unsafe._set_in_sandbox(True)
        try:
            with self._importer.applied():
                yield
        finally:
            temporal.unsafe._set_in_sandbox(False)


def guarded_definition() -> Workflow | None:
    """Return the workflow as the current run's guard has loaded it; None: nothing guards this run."""
    guard = _guard.get()
    return guard.workflow if guard is not None else None


@contextmanager
def guarded() -> Iterator[None]:
    """Guard the user's code that the block calls, where the run has a guard."""
    guard = _guard.get()
    if guard is None:
        yield
        return
    with guard.applied():
        yield

"""Everything that we use of Temporal's SDK and the SDK does not promise to keep: no other file names a private name.

``pyproject.toml`` pins the SDK's minor version. ``tests/unit/test_sdk_private.py`` says what a newer one has moved;
without what the guard needs, gates run in Temporal's own sandbox (``translation/runner.py``).
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from types import ModuleType
from typing import Any

from temporalio import workflow as temporal
from temporalio.api.common.v1 import Payload
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription
from temporalio.converter import ExternalStorage
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxRestrictions

with suppress(ImportError):  # ``moved`` says so
    from temporalio.worker.workflow_sandbox._importer import Importer
    from temporalio.worker.workflow_sandbox._restrictions import RestrictionContext


@dataclass(frozen=True, kw_only=True)
class PrivateName:
    """A name of the SDK, and its parameters as we know them; None: it is not called."""

    module: str
    name: str
    parameters: tuple[str, ...] | None = None

    @property
    def problem(self) -> str:
        """What has become of it; empty where it is as we know it."""
        full = f"{self.module}.{self.name}"
        try:
            found: Any = reduce(getattr, self.name.split("."), import_module(self.module))
        except (ImportError, AttributeError):
            return f"{full} is gone"
        if self.parameters is None:
            return ""
        parameters = tuple(inspect.signature(found).parameters)
        return "" if parameters == self.parameters else f"{full} takes {parameters}, and not {self.parameters}"


_SANDBOX = "temporalio.worker.workflow_sandbox"
#: What the guard of gates needs.
GUARD = (
    PrivateName(
        module=f"{_SANDBOX}._importer",
        name="Importer",
        parameters=("restrictions", "restriction_context", "workflow_module_name"),
    ),
    PrivateName(module=f"{_SANDBOX}._importer", name="Importer.applied", parameters=("self",)),
    PrivateName(module=f"{_SANDBOX}._restrictions", name="RestrictionContext", parameters=()),
    PrivateName(module="temporalio.workflow", name="unsafe._set_in_sandbox", parameters=("v",)),
)
#: Switches of a ``RestrictionContext``: while a gate is asked, both are on.
SWITCHES = ("is_runtime", "in_activation")
#: Where an ``Importer`` has its modules.
MODULES = "new_modules"
#: What the rest needs.
OTHERS = (
    PrivateName(
        module="temporalio.client",
        name="WorkflowExecutionDescription._from_raw_description",
        parameters=("description", "namespace", "converter"),
    ),
    PrivateName(
        module="temporalio.client",
        name="WorkflowExecution._from_raw_info",
        parameters=("info", "namespace", "converter", "additional_fields"),
    ),
    PrivateName(
        module="temporalio.converter", name="ExternalStorage._retrieve_payload", parameters=("self", "payload")
    ),
    PrivateName(
        module="temporalio.converter",
        name="ExternalStorage._retrieve_payload_sequence",
        parameters=("self", "payloads"),
    ),
)


def moved(names: Iterable[PrivateName]) -> list[str]:
    """Return what has become of names that are not as we know them."""
    return [problem for problem in (name.problem for name in names) if problem]


def no_guard() -> list[str]:
    """Return why gates cannot be guarded by us; empty where they can."""
    problems = moved(GUARD)
    if problems:
        return problems
    context = RestrictionContext()
    gone = [f"RestrictionContext.{switch} is gone" for switch in SWITCHES if not hasattr(context, switch)]
    importer = Importer(SandboxRestrictions.default, context, workflow_module_name="")
    return gone if hasattr(importer, MODULES) else [*gone, f"Importer.{MODULES} is gone"]


class Sandbox:
    """Temporal's sandbox, for us to enter: modules that are imported in it are its own copies."""

    def __init__(self, restrictions: SandboxRestrictions, module: str) -> None:
        """``module``: the workflow's, which it may not pass through."""
        self._context = RestrictionContext()
        self._importer = Importer(restrictions, self._context, workflow_module_name=module)

    @property
    def modules(self) -> Mapping[str, ModuleType]:
        """The modules that it has, by name."""
        modules: Mapping[str, ModuleType] = getattr(self._importer, MODULES)
        return modules

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Let the block import in it."""
        temporal.unsafe._set_in_sandbox(True)
        try:
            with self._importer.applied():
                yield
        finally:
            temporal.unsafe._set_in_sandbox(False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the block run in it, with what is not deterministic refused."""
        self._context.is_runtime = self._context.in_activation = True
        try:
            with self.importing():
                yield
        finally:
            self._context.is_runtime = self._context.in_activation = False


def let_activations_take(worker: Worker, seconds: int) -> None:
    """Let an activation of a worker's workflows take so long until the SDK fails its task as deadlocked: it says two.

    A worker that has moved what says so keeps the SDK's time.
    """
    workflows: Any = getattr(worker, "_workflow_worker", None)
    if getattr(workflows, "_deadlock_timeout_seconds", None) is not None:
        workflows._deadlock_timeout_seconds = seconds


class WatchedStorage(ExternalStorage):
    """External storage that does all of its reading within ``reading``."""

    def reading(self) -> AbstractContextManager[None]:
        """Return what surrounds a read; a subclass translates errors in it."""
        return nullcontext()

    async def _retrieve_payload(self, payload: Payload) -> Payload:
        with self.reading():
            return await super()._retrieve_payload(payload)

    async def _retrieve_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        with self.reading():
            return await super()._retrieve_payload_sequence(payloads)


async def description_of(answer: DescribeWorkflowExecutionResponse, client: Client) -> WorkflowExecutionDescription:
    """Return Temporal's answer as the SDK's own ``describe`` does."""
    return await WorkflowExecutionDescription._from_raw_description(answer, client.namespace, client.data_converter)


def execution_of(info: WorkflowExecutionInfo, client: Client) -> WorkflowExecution:
    """Return a line of Temporal's list as the SDK's own ``list_workflows`` does."""
    return WorkflowExecution._from_raw_info(info, client.namespace, client.data_converter)

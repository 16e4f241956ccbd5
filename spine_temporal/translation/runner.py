"""How Temporal runs our workflows: the driver as it is, each gate in the sandbox. Others run as they always do."""

from dataclasses import dataclass
from functools import partial

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker._command_aware_visitor import CommandInfo
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

from spine_temporal.translation import classes
from spine_temporal.translation.guard import Guard


@dataclass(frozen=True)
class SpineWorkflowRunner(SandboxedWorkflowRunner):
    """Temporal's sandboxed runner, with translated workflows guarded gate by gate."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return the instance of a run; what the user's module raises as it is loaded is raised here."""
        module, name = det.defn.cls.__module__, det.defn.cls.__name__
        if module != classes.__name__:
            return super().create_instance(det)
        source = classes.source_of(name)
        guard = Guard(partial(classes.load, source), source.module, self.restrictions)
        return _Guarded(self.runner_class().create_instance(det), guard)


class _Guarded(WorkflowInstance):
    """An instance whose gates find their guard."""

    def __init__(self, instance: WorkflowInstance, guard: Guard) -> None:
        self._instance = instance
        self._guard = guard

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Handle an activation."""
        with self._guard.current():
            return self._instance.activate(act)

    def get_serialization_context(self, command_info: CommandInfo | None) -> SerializationContext | None:
        """Return the context of a command's payloads."""
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: CommandInfo | None) -> StorageDriverStoreContext:
        """Return the context of a command's large payloads."""
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        """Return what the instance is."""
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        """Return the thread that it runs in."""
        return self._instance.get_thread_id()

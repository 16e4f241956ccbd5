"""An instance of a run that hands everything on to another one."""

from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance
from temporalio.workflow import Info


class WrappedInstance(WorkflowInstance):
    """Hands everything on; a subclass does something around its activations."""

    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Handle an activation."""
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        """Return the context of a command's payloads."""
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        """Return the context of a command's large payloads."""
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        """Return what the instance is."""
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        """Return the thread that it runs in."""
        return self._instance.get_thread_id()

"""Keeps the commands of the run that is replayed, which the SDK itself tells nobody."""

from collections.abc import Sequence
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from spine_temporal.translation.wrapped_instance import WrappedInstance


class Recorder:
    """The commands of one replay after the other."""

    def __init__(self) -> None:
        self._commands: list[WorkflowCommand] = []
        self._failure = ""

    def listening(self, runner: WorkflowRunner | None) -> WorkflowRunner:
        """Return the runner with its instances listened to."""
        return _ListeningRunner(runner or SandboxedWorkflowRunner(), self)

    def heard(self, completion: WorkflowActivationCompletion) -> None:
        """Keep a completion's commands, or why there are none."""
        self._commands += [_copy(command) for command in completion.successful.commands]
        if completion.HasField("failed"):
            self._failure = completion.failed.failure.message

    def taken(self) -> tuple[list[WorkflowCommand], str]:
        """Return the commands since the last call, and what the code has raised out of Temporal's hands."""
        commands, failure = self._commands, self._failure
        self._commands, self._failure = [], ""
        return commands, failure


def _copy(command: WorkflowCommand) -> WorkflowCommand:
    """Return the command as the code gave it: a codec will encode it in place."""
    copy = WorkflowCommand()
    copy.CopyFrom(command)
    return copy


class _ListeningRunner(WorkflowRunner):
    def __init__(self, runner: WorkflowRunner, recorder: Recorder) -> None:
        self._runner = runner
        self._recorder = recorder

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Heard(self._runner.create_instance(det), self._recorder)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._runner.set_worker_level_failure_exception_types(types)


class _Heard(WrappedInstance):
    def __init__(self, instance: WorkflowInstance, recorder: Recorder) -> None:
        super().__init__(instance)
        self._recorder = recorder

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = super().activate(act)
        self._recorder.heard(completion)
        return completion

"""How Temporal runs our workflows: the driver as it is, each gate guarded. Others run as they always do."""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from spine_temporal import sdk_private
from spine_temporal.translation import classes, snapshot
from spine_temporal.translation.classes import Source
from spine_temporal.translation.guard import Gates, Guard, asked_by
from spine_temporal.translation.wrapped_instance import WrappedInstance

_log = logging.getLogger(__name__)


class GatesOfRuns(Protocol):
    """Has gates asked elsewhere."""

    def of(self, source: Source, run_id: str) -> Gates:
        """Return who answers a run of the workflow of that source."""


@dataclass(frozen=True)
class SpineWorkflowRunner(SandboxedWorkflowRunner):
    """Temporal's sandboxed runner, with translated workflows guarded gate by gate."""

    #: Who asks the gates; None: they are asked here, in the sandbox.
    gates: GatesOfRuns | None = None

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return the instance of a run."""
        module, name = det.defn.cls.__module__, det.defn.cls.__name__
        if module != classes.__name__:
            return super().create_instance(det)
        source = classes.source_of(name)
        gates: Gates
        if self.gates is not None:
            gates = self.gates.of(source, det.info.run_id)
        else:
            gates = Guard(partial(classes.load, source), source.module, self.restrictions)
        return _Guarded(self.runner_class().create_instance(det), gates)


def runner_of(restrictions: SandboxRestrictions, runner_class: type[WorkflowRunner]) -> SandboxedWorkflowRunner:
    """Return the runner of our workflows; with an SDK in which gates cannot be guarded, Temporal's own.

    Its sandbox is around the whole run and not around each gate: slower, and no less strict.
    """
    problems = sdk_private.no_guard()
    if problems:
        _log.warning("gates run in Temporal's own sandbox, in the worker itself: %s", "; ".join(problems))
        return SandboxedWorkflowRunner(restrictions=restrictions, runner_class=runner_class)
    return SpineWorkflowRunner(restrictions=restrictions, runner_class=runner_class)


def operating_runner() -> SandboxedWorkflowRunner:
    """Return the runner of the product's own workflows on a task queue without the plugin: they have no gates."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*snapshot.PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)


class _Guarded(WrappedInstance):
    """An instance whose gates are asked so."""

    def __init__(self, instance: WorkflowInstance, gates: Gates) -> None:
        super().__init__(instance)
        self._gates = gates

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Handle an activation."""
        with asked_by(self._gates):
            return super().activate(act)

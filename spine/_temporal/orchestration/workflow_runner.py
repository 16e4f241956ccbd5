"""Spine's own name for where a workflow is run."""

from spine_temporal import StepExecution, WorkflowResult, WorkflowRunner, WorkflowStatus

__all__ = ["StepExecution", "WorkflowResult", "WorkflowRunner", "WorkflowStatus"]

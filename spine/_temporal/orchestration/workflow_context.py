"""Spine's own name for where a gate's context is defined."""

from spine_temporal import WorkflowContext

__all__ = ["WorkflowContext"]

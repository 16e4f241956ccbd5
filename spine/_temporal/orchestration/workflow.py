"""Spine's own name for where a workflow is defined."""

from spine_temporal import Workflow

__all__ = ["Workflow"]

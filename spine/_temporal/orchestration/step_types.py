"""Spine's own name for where steps are defined."""

from spine_temporal import ErrorPolicy, RetryPolicy, Step

__all__ = ["ErrorPolicy", "RetryPolicy", "Step"]

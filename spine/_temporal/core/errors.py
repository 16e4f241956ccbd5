"""Spine's own name for errors."""

from spine_temporal import ErrorCategory, SpineError

__all__ = ["ErrorCategory", "SpineError"]

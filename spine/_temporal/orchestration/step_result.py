"""Spine's own name for where a gate's answer is defined."""

from spine_temporal import ErrorCategory, QualityMetrics, StepResult

__all__ = ["ErrorCategory", "QualityMetrics", "StepResult"]

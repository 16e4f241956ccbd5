"""Spine's own name for anomalies."""

from spine_temporal import AnomalyRecorder, Severity
from spine_temporal.definition.severity import AnomalyCategory

__all__ = ["AnomalyCategory", "AnomalyRecorder", "Severity"]

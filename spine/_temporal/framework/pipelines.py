"""Spine's own name for where a pipeline is defined."""

from spine_temporal import Pipeline, PipelineResult, PipelineStatus

__all__ = ["Pipeline", "PipelineResult", "PipelineStatus"]

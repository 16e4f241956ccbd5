"""Spine's own name for the registry of pipelines."""

from spine_temporal import register_pipeline
from spine_temporal.definition.pipeline import get_pipeline, list_pipelines

__all__ = ["get_pipeline", "list_pipelines", "register_pipeline"]

"""Pipelines as a real Spine has them."""

from spine.framework.registry import register_pipeline

__all__ = ["register_pipeline"]

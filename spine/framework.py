"""Spine's framework, as far as its names are spine-temporal's. A real Spine's package goes before this module."""

from spine_temporal import Pipeline, PipelineResult, PipelineStatus, register_pipeline

__all__ = ["Pipeline", "PipelineResult", "PipelineStatus", "register_pipeline"]

#: Where its submodules are: a folder that no other distribution has.
__path__ = [f"{__file__.rpartition('framework.')[0]}_temporal/framework"]

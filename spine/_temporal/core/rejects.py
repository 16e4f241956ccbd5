"""Spine's own name for rejects."""

from spine_temporal import Reject, RejectSink

__all__ = ["Reject", "RejectSink"]

"""Spine's own name for the manifest."""

from spine_temporal.recording.manifest import ManifestRow, WorkManifest

__all__ = ["ManifestRow", "WorkManifest"]

"""What is checked before anything runs."""

from spine_temporal.checks.determinism import Finding, find_nondeterminism

__all__ = ["Finding", "find_nondeterminism"]

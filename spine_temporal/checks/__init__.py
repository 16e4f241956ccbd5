"""What is checked before anything runs."""

from spine_temporal.checks.determinism import Finding, find_nondeterminism
from spine_temporal.checks.outputs import outputs_read

__all__ = ["Finding", "find_nondeterminism", "outputs_read"]

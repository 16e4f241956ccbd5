"""What is checked before anything runs."""

from spine_temporal.checks.code_digests import code_digests
from spine_temporal.checks.determinism import RefusedCall, find_nondeterminism
from spine_temporal.checks.outputs import later_steps, outputs_read

__all__ = ["RefusedCall", "code_digests", "find_nondeterminism", "later_steps", "outputs_read"]

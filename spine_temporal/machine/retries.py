"""Which failure of a pipeline is tried again. Shared by every driver."""

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.machine.plan import PlannedRetry


def tried_again(category: ErrorCategory, policy: ErrorPolicy, *, attempt: int, retry: PlannedRetry) -> bool:
    """Return whether a pipeline that has failed ``attempt`` times, now with this category, is tried once more."""
    return attempt < retry.max_attempts and _may_pass_later(category, policy)


def _may_pass_later(category: ErrorCategory, policy: ErrorPolicy) -> bool:
    """RETRY tries all again but a wrong definition; other policies what may pass by itself, and faults in code."""
    if policy is ErrorPolicy.RETRY:
        return category is not ErrorCategory.CONFIGURATION
    return category.retryable or category is ErrorCategory.INTERNAL

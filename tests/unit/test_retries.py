"""Which failure of a pipeline is tried again, on Temporal and in process."""

import pytest

from spine_temporal import ErrorCategory, ErrorPolicy
from spine_temporal.machine.plan import PlannedRetry
from spine_temporal.machine.retries import tried_again

MAY_PASS = {ErrorCategory.TRANSIENT, ErrorCategory.TIMEOUT, ErrorCategory.DEPENDENCY, ErrorCategory.INTERNAL}


@pytest.mark.parametrize("category", ErrorCategory)
@pytest.mark.parametrize("policy", [ErrorPolicy.STOP, ErrorPolicy.CONTINUE])
def test_a_failure_is_tried_again_where_it_may_pass_by_itself(policy, category):
    assert tried_again(category, policy, attempt=1, retry=PlannedRetry()) == (category in MAY_PASS)


@pytest.mark.parametrize("category", ErrorCategory)
def test_retry_tries_every_category_again_but_a_wrong_definition(category):
    again = tried_again(category, ErrorPolicy.RETRY, attempt=1, retry=PlannedRetry())
    assert again == (category is not ErrorCategory.CONFIGURATION)


@pytest.mark.parametrize("policy", [ErrorPolicy.STOP, ErrorPolicy.CONTINUE, ErrorPolicy.RETRY])
@pytest.mark.parametrize(
    ("attempt", "most", "again"), [(1, 1, False), (1, 2, True), (2, 2, False), (2, 3, True), (3, 2, False)]
)
def test_nothing_is_tried_more_often_than_its_policy_says(policy, attempt, most, again):
    retry = PlannedRetry(max_attempts=most)
    assert tried_again(ErrorCategory.TRANSIENT, policy, attempt=attempt, retry=retry) == again

"""Only of a run that nobody can have begun before, nothing is looked for."""

from datetime import UTC, datetime

import pytest

from spine_temporal.definition.params import ResumeOptions
from spine_temporal.runtime.run_opener import _is_first
from spine_temporal.translation.messages import BeginRequest, ResumeRequest

RUN = {"workflow": "w", "workflow_id": "w/1", "run_id": "r1", "started_at": datetime(2026, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("request_", "attempt", "is_first"),
    [
        (BeginRequest(**RUN), 1, True),
        (BeginRequest(**RUN), 2, False),  # the answer of the first may be lost
        (BeginRequest(**RUN, task_may_repeat=True), 1, False),  # a worker may have begun it and died
        (BeginRequest(**RUN, was_reset=True), 1, False),
        (ResumeRequest(**RUN, options=ResumeOptions(run_id="r0")), 1, False),
    ],
)
def test_a_run_that_may_have_begun_is_looked_for(request_, attempt, is_first):
    assert _is_first(request_, attempt) is is_first

"""Which attempt a pipeline is told that it is: what the ledger has counted, also where Temporal counts anew."""

from datetime import UTC, datetime

import pytest

from spine_temporal import ErrorCategory, Pipeline, SpineError
from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.plan import PlannedRetry
from spine_temporal.recording.partitions import claim
from spine_temporal.recording.run_lifecycle import NewRun, open_run
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.ending import run_stage
from spine_temporal.runtime.pipeline_failures import _count
from spine_temporal.translation.pipeline_messages import PipelineRequest


class ThirdTime(Pipeline):
    """Fails twice."""

    name = "numbers.third_time"

    def run(self):
        if self.attempt < 3:
            raise SpineError(f"not at attempt {self.attempt}", ErrorCategory.TRANSIENT)
        return {"row_count": self.attempt}


@pytest.fixture
def request_of_a_run(database):
    key = RunKey(run_id="run", workflow="w", workflow_id="w/1", domain="d", partition={"day": 1})
    with database.begin() as connection:
        key = key.with_epoch(claim(connection, key).epoch)
        run = NewRun(key=key, params={}, plan="{}", started_at=datetime.now(UTC), temporal="here", first_run_id="run")
        open_run(connection, run, run_stage("STARTED", 0, "run"))
    return PipelineRequest(
        key=key, step="s", pipeline=ThirdTime.name, stage="S", stage_rank=1, params={}, timeout=10,
        heartbeat_timeout=10, retry=PlannedRetry(max_attempts=3), on_error=ErrorPolicy.STOP,
    )  # fmt: skip


def test_a_failure_whose_workflow_task_was_lost_is_an_attempt_that_the_next_one_follows(database, request_of_a_run):
    # The first task is lost after the ledger has counted: the next one begins at Temporal's attempt 1 again.
    for temporal_attempt, told in ((1, 1), (1, 2)):
        attempt = Attempt(request_of_a_run, ThirdTime, database, print, temporal_attempt)
        with pytest.raises(SpineError, match=f"not at attempt {told}") as error:
            attempt.run()
        assert _count(attempt, database, error.value).attempts == told
    done = Attempt(request_of_a_run, ThirdTime, database, print, 2).run()
    assert (done.output, done.attempt) == ({"row_count": 3}, 3)


def test_an_attempt_behind_one_that_was_lost_is_told_so_though_it_counts_for_nothing(database, request_of_a_run):
    attempt = Attempt(request_of_a_run, ThirdTime, database, print, 2)
    with pytest.raises(SpineError, match="not at attempt 2"):
        attempt.run()

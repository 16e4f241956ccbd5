"""``spine.lateness``: judges the deadlines of a service once; a schedule of the product starts it every few minutes."""

from datetime import timedelta

from temporalio import workflow as temporal
from temporalio.common import RetryPolicy

from spine_temporal.operating.lateness.messages import JUDGE, LATENESS, JudgeRequest, LatenessRequest, LatenessResult

#: How long Postgres is waited for; the next start of the workflow judges what this one could not.
_PATIENCE = timedelta(minutes=10)
_ATTEMPT = timedelta(minutes=2)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1))


@temporal.defn(name=LATENESS)
class JudgeDeadlines:
    """Has a worker judge them."""

    @temporal.run
    async def run(self, request: LatenessRequest) -> LatenessResult:
        """Return how many partitions have come to stand how."""
        result: LatenessResult = await temporal.execute_activity(
            JUDGE,
            JudgeRequest(until=request.until or temporal.now()),
            result_type=LatenessResult,
            schedule_to_close_timeout=_PATIENCE,
            start_to_close_timeout=_ATTEMPT,
            retry_policy=_RETRY,
        )
        return result

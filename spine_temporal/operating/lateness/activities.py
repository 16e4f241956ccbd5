"""The activity of ``spine.lateness``: judges every deadline that the service's modules declare."""

import asyncio
import logging
from collections import Counter

from temporalio import activity
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import describe
from spine_temporal.operating.lateness.judging import judge_deadline
from spine_temporal.operating.lateness.messages import JUDGE, JudgeRequest, LatenessResult
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.metrics import LATENESS

_log = logging.getLogger(__name__)


class LatenessActivities:
    """Knows the deadlines of one worker's definitions."""

    def __init__(self, database: Database, definitions: Definitions) -> None:
        self._database = database
        self._definitions = definitions

    @activity.defn(name=JUDGE)
    async def judge(self, request: JudgeRequest) -> LatenessResult:
        """Judge each; one whose code raises keeps no other from being judged, and is judged when it is mended."""
        counts: Counter[str] = Counter()
        failed: list[str] = []
        for name, deadline in self._definitions.deadlines.items():
            try:
                found = await asyncio.to_thread(judge_deadline, self._database, deadline, request.until)
            except Exception as error:
                if isinstance(error, SpineError) and error.category.retryable:
                    raise _failure(error.category, str(error), final=False) from error
                failed.append(f"deadline {name!r}: {describe(error)}")
                continue
            for one in found:
                LATENESS.labels(deadline.workflow.name, one.state.value).inc()
                counts[one.state.value] += 1
        if failed:
            _log.error("deadlines cannot be judged: %s", "; ".join(failed))
            raise _failure(ErrorCategory.CONFIGURATION, "; ".join(failed), final=True)
        return LatenessResult(judged=dict(counts))


def _failure(category: ErrorCategory, message: str, *, final: bool) -> ApplicationError:
    return ApplicationError(message, type=category.value, non_retryable=final)

"""What a run's own activities write: behind the fence, and how they fail where that may not be."""

import asyncio
import logging
from collections.abc import Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.run_key import RunKey
from spine_temporal.recording.database import Database
from spine_temporal.recording.fence import ClaimLostError, StateLostError
from spine_temporal.runtime.claims import Claims, Fenced, fenced
from spine_temporal.runtime.ending import record_loss

_log = logging.getLogger(__name__)


class RunWrites:
    """Writes for the runs of one worker."""

    def __init__(self, database: Database, claims: Claims) -> None:
        self._database = database
        self._claims = claims

    async def fenced(self, request: Fenced, write: Callable[[Fenced], None]) -> RunKey:
        """Write for a run; one that was reset takes its partition again where it has lost it.

        Return the key under which it was written. Where the run may write nothing, that is an anomaly.
        """
        try:
            return await fenced(self._claims, request, lambda asked: asyncio.to_thread(write, asked))
        except (ClaimLostError, StateLostError) as error:
            await asyncio.to_thread(self._record_loss, request.key, error)
            raise

    def _record_loss(self, key: RunKey, error: SpineError) -> None:
        with self._database.begin() as connection:
            record_loss(connection, key, error)


def failure_of_run(error: SpineError) -> ApplicationError:
    """Return what Temporal shows; the cause stays in the log, as a failure of some kilobytes would not be shown."""
    info = activity.info()
    fault = error.category is ErrorCategory.INTERNAL
    frames = f"\n{error.traceback}" if error.traceback else ""
    _log.log(
        logging.ERROR if fault else logging.WARNING,
        "workflow %s, run %s, %s: %s %s%s",
        *(info.workflow_type, info.workflow_run_id, info.activity_type, error.category, error, frames),
        exc_info=error if fault and not frames else None,
    )
    return ApplicationError(str(error), type=error.category.value, non_retryable=not error.category.retryable)

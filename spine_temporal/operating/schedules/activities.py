"""The activity of ``spine.scheduled``: the service's own code says what is due."""

import asyncio

from temporalio import activity
from temporalio.exceptions import ApplicationError

from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.faults import fault_of
from spine_temporal.operating.schedules.due import due
from spine_temporal.operating.schedules.messages import DUE, Due, DueRequest
from spine_temporal.runtime.definitions import Definitions


class ScheduleActivities:
    """Knows the schedules of one worker's definitions."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    @activity.defn(name=DUE)
    async def due(self, request: DueRequest) -> Due:
        """Return the runs that are due; a schedule that this worker lacks may be known to a newer one."""
        schedule = self._definitions.schedules.get(request.schedule)
        if schedule is None:
            raise ApplicationError(
                f"no module of this worker defines the schedule {request.schedule!r}: deploy one that does, or remove "
                "the schedule with `spine-temporal schedules apply --prune`",
                type=ErrorCategory.CONFIGURATION.value,
            )
        try:
            return await asyncio.to_thread(due, schedule, request.at, fired=request.fired)
        except Exception as error:
            fault = fault_of(error)
            raise ApplicationError(
                f"schedule {request.schedule!r} at {request.at.isoformat()}: {fault}",
                type=fault.category.value,
                non_retryable=True,
            ) from error

"""The schedules of a service as Temporal has them: found by their ids, read, and written."""

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from temporalio import client as temporal
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.definition.schedule import Schedule
from spine_temporal.operating.schedules.declared import digest, temporal_schedule
from spine_temporal.operating.schedules.difference import Applied
from spine_temporal.operating.schedules.messages import SCHEDULED, ScheduledRequest

#: Memo key of our schedules: the name.
MARK = "spine_schedule"
#: Schedules that are described at once.
_AT_ONCE = 10


def id_prefix(task_queue: str) -> str:
    """Return how the ids of the schedules of a task queue begin."""
    return f"spine/{task_queue}/"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A schedule of this service, with Temporal's description of it."""

    applied: Applied
    description: temporal.ScheduleDescription


class AppliedSchedules:
    """Those of one task queue of a namespace; their ids begin with ``spine/TASK_QUEUE/``."""

    def __init__(self, client: temporal.Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    def id_of(self, name: str) -> str:
        """Return the id of a schedule."""
        return f"{self._prefix}{name}"

    def handle(self, name: str) -> temporal.ScheduleHandle:
        """Return the handle of a schedule, which Temporal may lack."""
        return self._client.get_schedule_handle(self.id_of(name))

    async def all(self, declared: Iterable[str]) -> Mapping[str, Found]:
        """Return those that are declared, and all others that are ours: those with our mark below our prefix.

        Temporal's list may lag behind; what is declared is asked for itself.
        """
        names = sorted({*declared, *await self._listed()})
        gate = asyncio.Semaphore(_AT_ONCE)

        async def found(name: str) -> Found | None:
            async with gate:
                return await self.find(name)

        each = await asyncio.gather(*(found(name) for name in names))
        return {name: one for name, one in zip(names, each, strict=True) if one is not None}

    async def _listed(self) -> list[str]:
        return [
            name
            async for entry in await self._client.list_schedules()
            if (name := self._name_of(entry.id)) and await entry.memo_value(MARK, default=None) == name
        ]

    def _name_of(self, schedule_id: str) -> str | None:
        name = schedule_id.removeprefix(self._prefix)
        return None if name == schedule_id or "/" in name else name  # a task queue may begin with this one and a slash

    async def find(self, name: str) -> Found | None:
        """Return one of ours; None where Temporal has none of that name."""
        try:
            description = await self.handle(name).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        request = await _request_of(description)
        applied = Applied(
            name=name,
            schedule_id=description.id,
            declared=request.declared if request is not None and request.schedule == name else None,
            is_as_applied=request is not None and request.described == digest(description.schedule),
        )
        return Found(applied=applied, description=description)

    async def write(self, schedule: Schedule) -> None:
        """Create the schedule, or make it what is declared; whether it is paused stays as an operator has left it.

        What Temporal makes of its times is only known afterwards, and then noted. Until it is, the schedule counts as
        applied by half, and the next apply does so again.
        """
        wanted = temporal_schedule(
            schedule, schedule_id=self.id_of(schedule.name), task_queue=self._task_queue, described=""
        )
        try:
            handle = await self._client.create_schedule(self.id_of(schedule.name), wanted, memo={MARK: schedule.name})
        except temporal.ScheduleAlreadyRunningError:
            handle = self.handle(schedule.name)
            await handle.update(lambda given: _with_state(wanted, given))
        described = digest((await handle.describe()).schedule)
        noted = temporal_schedule(
            schedule, schedule_id=self.id_of(schedule.name), task_queue=self._task_queue, described=described
        )
        await handle.update(lambda given: _with_state(noted, given))

    async def remove(self, name: str) -> None:
        """Delete the schedule; runs that it has started go on."""
        await self.handle(name).delete()

    @property
    def _prefix(self) -> str:
        return id_prefix(self._task_queue)


def _with_state(wanted: temporal.Schedule, given: temporal.ScheduleUpdateInput) -> temporal.ScheduleUpdate:
    return temporal.ScheduleUpdate(schedule=dataclasses.replace(wanted, state=given.description.schedule.state))


async def _request_of(description: temporal.ScheduleDescription) -> ScheduledRequest | None:
    """Return what the schedule starts its workflow with; None where it starts something else."""
    action = description.schedule.action
    if not isinstance(action, temporal.ScheduleActionStartWorkflow) or action.workflow != SCHEDULED:
        return None
    try:
        [payload] = action.args
        [request] = await description.data_converter.decode([payload], [ScheduledRequest])
    except (ValueError, TypeError, ValidationError, RuntimeError):
        return None
    return request if isinstance(request, ScheduledRequest) else None

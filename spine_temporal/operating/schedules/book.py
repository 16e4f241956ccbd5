"""A service's schedules, for its operator: what differs, apply, list, pause, resume, trigger, backfill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.common import Priority, WorkflowIDConflictPolicy

from spine_temporal.definition.calendar_rule import in_utc
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.names import did_you_mean
from spine_temporal.definition.schedule import OWN, Schedule
from spine_temporal.operating.lateness.keeper import keep_judging, stop_judging
from spine_temporal.operating.schedules.applied import AppliedSchedules, Found
from spine_temporal.operating.schedules.declared import times_of
from spine_temporal.operating.schedules.difference import Action, Change, difference
from spine_temporal.operating.schedules.messages import SCHEDULED, ScheduledRequest, ScheduledResult

#: ``spine.scheduled``, which has been started.
Started = WorkflowHandle[Any, ScheduledResult]

#: Times that one backfill may fire.
MAX_TIMES = 500
#: A backfill gives way to the runs of today.
_BACKFILL = Priority(priority_key=5)
#: How far back the newest time of a cron is looked for, in widening steps.
_WINDOWS = (timedelta(days=2), timedelta(days=40), timedelta(days=800))


@dataclass(frozen=True, kw_only=True)
class ScheduleStatus:
    """A schedule as it stands."""

    name: str
    workflow: str
    #: When it is due, in words.
    times: str
    #: ``active``, ``paused``, ``not applied``, or ``not declared``.
    state: str
    #: Why it is paused, as whoever paused it has said.
    note: str
    next_time: datetime | None
    last_time: datetime | None


class ScheduleBook:
    """The schedules that the service's modules declare, and those of its task queue in Temporal."""

    def __init__(
        self, client: Client, schedules: Mapping[str, Schedule], *, task_queue: str, has_deadlines: bool = False
    ) -> None:
        """``has_deadlines``: the service declares some, so that an apply sees to their being judged."""
        self._client = client
        self._schedules = schedules
        self._task_queue = task_queue
        self._has_deadlines = has_deadlines
        self._applied = AppliedSchedules(client, task_queue)

    async def difference(self) -> list[Change]:
        """Return what ``apply`` would do; nothing where Temporal has what is declared."""
        return difference(self._schedules, {name: found.applied for name, found in (await self._found()).items()})

    async def apply(self, *, prune: bool = False) -> list[Change]:
        """Make Temporal's schedules those that are declared, and return what was done.

        Those that are declared nowhere are removed only with ``prune``. A second time there is nothing to do. The
        product's own schedule, which has deadlines judged, is made sure of as well, or removed with ``prune`` where the
        service has no deadline.
        """
        if self._has_deadlines:
            await keep_judging(self._client, self._task_queue)
        elif prune:
            await stop_judging(self._client, self._task_queue)
        done = [change for change in await self.difference() if prune or change.action is not Action.PRUNE]
        for change in done:
            if change.action is Action.PRUNE:
                await self._applied.remove(change.name)
            else:
                await self._applied.write(self._schedules[change.name])
        return done

    async def statuses(self) -> list[ScheduleStatus]:
        """Return how each stands, by name."""
        found = await self._found()
        return [
            _status(name, self._schedules.get(name), found.get(name)) for name in sorted({*self._schedules, *found})
        ]

    async def pause(self, name: str, *, by: str, reason: str) -> None:
        """Let it start nothing until it is resumed. Raises ``ParamsError`` where Temporal has none of that name."""
        await self._require_applied(name)
        await self._applied.handle(name).pause(note=f"{by}: {reason}")

    async def resume(self, name: str, *, by: str, reason: str) -> None:
        """Let it go on; times that passed meanwhile are not made up: ``backfill`` fires them."""
        await self._require_applied(name)
        await self._applied.handle(name).unpause(note=f"{by}: {reason}")

    async def trigger(self, name: str, *, at: datetime | None = None) -> tuple[datetime, Started]:
        """Fire it for one of its times, by default the newest one; return that time and what was started.

        Raises ``ParamsError`` where that is no time of the schedule.
        """
        schedule = self._declared(name)
        moment = await self._newest(schedule) if at is None else self._own_time(schedule, at)
        return moment, await self._start(schedule, [moment], f"-{in_utc(moment)}", priority=None)

    async def backfill(self, name: str, *, first: datetime, last: datetime) -> tuple[Sequence[datetime], Started]:
        """Fire it for all of its times from first to last, one after the other, behind other work.

        Raises ``ParamsError`` where there is none, or more than can be fired at once.
        """
        schedule = self._declared(name)
        times = await self._between(schedule, first - timedelta(seconds=1), last)
        if not times:
            raise ParamsError(f"schedule {name!r} has no time from {in_utc(first)} to {in_utc(last)}")
        if len(times) > MAX_TIMES:
            raise ParamsError(
                f"schedule {name!r} has {len(times):,} times from {in_utc(first)} to {in_utc(last)}, and {MAX_TIMES} "
                "are allowed at once: fire a part of them, or backfill partitions with `spine-temporal backfill`"
            )
        suffix = f"-backfill-{in_utc(times[0])}-{in_utc(times[-1])}"
        return times, await self._start(schedule, times, suffix, priority=_BACKFILL)

    async def _found(self) -> Mapping[str, Found]:
        """Return the user's own schedules; a worker looks after the product's."""
        found = await self._applied.all(self._schedules)
        return {name: one for name, one in found.items() if not name.startswith(OWN)}

    def _declared(self, name: str) -> Schedule:
        if name not in self._schedules:
            known = ", ".join(sorted(self._schedules)) or "none"
            raise ParamsError(
                f"unknown schedule {name!r}: the loaded modules declare {known}{did_you_mean(name, self._schedules)}"
            )
        return self._schedules[name]

    async def _require_applied(self, name: str) -> None:
        if await self._applied.find(name) is None:
            known = await self._found()
            raise ParamsError(
                f"Temporal has no schedule {name!r} of task queue {self._task_queue!r}: it has "
                f"{', '.join(sorted(known)) or 'none'}{did_you_mean(name, known)}",
                advice="`spine-temporal schedules apply` makes those that are declared",
            )

    def _own_time(self, schedule: Schedule, moment: datetime) -> datetime:
        rule = schedule.rule
        if rule is not None and not rule.is_due(moment):
            raise ParamsError(
                f"{in_utc(moment)} is no time of schedule {schedule.name!r}: the nearest are "
                f"{in_utc(rule.latest(moment))} and {in_utc(rule.next(moment))}"
            )
        return moment

    async def _newest(self, schedule: Schedule) -> datetime:
        now = datetime.now(UTC)
        if schedule.rule is not None:
            return schedule.rule.latest(now)
        for window in _WINDOWS:
            times = await self._between(schedule, now - window, now)
            if times:
                return times[-1]
        raise ParamsError(f"schedule {schedule.name!r} has had no time yet: say which one with --at")

    async def _between(self, schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
        if schedule.rule is not None:
            return list(schedule.rule.between(after, until))
        await self._require_applied(schedule.name)
        answer = await self._client.workflow_service.list_schedule_matching_times(
            ListScheduleMatchingTimesRequest(
                namespace=self._client.namespace,
                schedule_id=self._applied.id_of(schedule.name),
                start_time=_timestamp(after),
                end_time=_timestamp(until),
            )
        )
        times = [time.ToDatetime(UTC).replace(second=0, microsecond=0) for time in answer.start_time]
        return [time for time in times if after < time <= until]

    async def _start(
        self, schedule: Schedule, times: Sequence[datetime], suffix: str, *, priority: Priority | None
    ) -> Started:
        return await self._client.start_workflow(
            SCHEDULED,
            ScheduledRequest(schedule=schedule.name, times=tuple(times)),
            id=f"{self._applied.id_of(schedule.name)}{suffix}",
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            result_type=ScheduledResult,
            static_summary=f"{schedule.name}: {schedule.workflow.name}",
            priority=priority or Priority.default,
        )


def _status(name: str, schedule: Schedule | None, found: Found | None) -> ScheduleStatus:
    before = dict(found.applied.declared or {}) if found is not None else {}
    state, note = _state(schedule, found)
    return ScheduleStatus(
        name=name,
        workflow=schedule.workflow.name if schedule is not None else before.get("workflow", ""),
        times=times_of(schedule) if schedule is not None else before.get("times", ""),
        state=state,
        note=note,
        next_time=_next_time(schedule, found) if state == "active" else None,
        last_time=_last_time(schedule, found),
    )


def _state(schedule: Schedule | None, found: Found | None) -> tuple[str, str]:
    if found is None:
        return "not applied", ""
    told = found.description.schedule.state
    if told.paused:
        return "paused", told.note or ""
    return ("active" if schedule is not None else "not declared"), ""


def _next_time(schedule: Schedule | None, found: Found | None) -> datetime | None:
    """Return when it starts something next; Temporal's own times of a calendar are those of every day."""
    if schedule is not None and schedule.rule is not None:
        return schedule.rule.next(datetime.now(UTC)).astimezone(UTC)
    times = found.description.info.next_action_times if found is not None else []
    return times[0] if times else None


def _last_time(schedule: Schedule | None, found: Found | None) -> datetime | None:
    """Return the newest time at which Temporal has fired it by itself."""
    if found is None:
        return None
    fired = max((action.scheduled_at for action in found.description.info.recent_actions), default=None)
    if fired is None or schedule is None or schedule.rule is None:
        return fired
    newest = schedule.rule.latest(fired).astimezone(UTC)
    return newest if newest >= found.description.info.created_at else None


def _timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC))
    return stamp

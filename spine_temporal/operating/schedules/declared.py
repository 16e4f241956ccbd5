"""A schedule in the forms that are compared: as declared, as Temporal is asked for it, and as Temporal describes it."""

import hashlib
from collections.abc import Mapping

from temporalio import client as temporal

from spine_temporal.definition.schedule import Overlap, Schedule
from spine_temporal.operating.schedules.messages import SCHEDULED, ScheduledRequest

_OVERLAPS = {
    Overlap.ALLOW_ALL: temporal.ScheduleOverlapPolicy.ALLOW_ALL,
    Overlap.SKIP: temporal.ScheduleOverlapPolicy.SKIP,
    Overlap.BUFFER_ONE: temporal.ScheduleOverlapPolicy.BUFFER_ONE,
    Overlap.BUFFER_ALL: temporal.ScheduleOverlapPolicy.BUFFER_ALL,
    Overlap.CANCEL_OTHER: temporal.ScheduleOverlapPolicy.CANCEL_OTHER,
    Overlap.TERMINATE_OTHER: temporal.ScheduleOverlapPolicy.TERMINATE_OTHER,
}


def declared(schedule: Schedule) -> dict[str, str]:
    """Return what is declared of a schedule, field by field as text; its params are the code's own affair."""
    return {
        "workflow": schedule.workflow.name,
        "times": times_of(schedule),
        "overlap": Overlap(schedule.overlap).value,
        "catch_up": str(schedule.catch_up),
        "jitter": str(schedule.jitter),
    }


def times_of(schedule: Schedule) -> str:
    """Return in words when it is due."""
    return f"cron {schedule.cron} {schedule.time_zone}" if schedule.rule is None else str(schedule.rule)


def temporal_schedule(schedule: Schedule, *, schedule_id: str, task_queue: str, described: str) -> temporal.Schedule:
    """Return what Temporal is asked for; ``described``: the digest of what Temporal has made of it before."""
    request = ScheduledRequest(schedule=schedule.name, declared=declared(schedule), described=described)
    return temporal.Schedule(
        action=temporal.ScheduleActionStartWorkflow(
            SCHEDULED,
            request,
            id=schedule_id,
            task_queue=task_queue,
            static_summary=f"{schedule.name}: {schedule.workflow.name}",
        ),
        spec=_spec(schedule),
        policy=temporal.SchedulePolicy(overlap=_OVERLAPS[Overlap(schedule.overlap)], catchup_window=schedule.catch_up),
        state=temporal.ScheduleState(paused=schedule.paused, note="made paused" if schedule.paused else None),
    )


def _spec(schedule: Schedule) -> temporal.ScheduleSpec:
    """Return the times: a calendar's are those of every day, as the days are asked of the calendar itself."""
    rule = schedule.rule
    jitter = schedule.jitter or None
    if rule is None:
        return temporal.ScheduleSpec(
            cron_expressions=[schedule.cron or ""], time_zone_name=schedule.time_zone, jitter=jitter
        )
    at = rule.time_of_day
    daily = temporal.ScheduleCalendarSpec(
        hour=[temporal.ScheduleRange(at.hour)], minute=[temporal.ScheduleRange(at.minute)]
    )
    return temporal.ScheduleSpec(calendars=[daily], time_zone_name=rule.time_zone, jitter=jitter)


def digest(schedule: temporal.Schedule) -> str:
    """Return a digest of the times and policies that Temporal describes, by which a change made there is seen."""
    shown = (schedule.spec, schedule.policy.overlap, schedule.policy.catchup_window)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return a line for each field that differs."""
    return [
        f"{name}: {before.get(name, 'nothing')} -> {after.get(name, 'nothing')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]

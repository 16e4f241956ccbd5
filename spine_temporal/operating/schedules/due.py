"""Which runs are due at a time of a schedule: from that time alone, and never from the clock."""

from datetime import datetime
from typing import Any

from spine_temporal.definition.calendar_rule import in_utc
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.params import fingerprint, partition_of, resolve_params, workflow_id
from spine_temporal.definition.schedule import Schedule
from spine_temporal.operating.schedules.messages import Due, DueRun


def due(schedule: Schedule, moment: datetime, *, fired: bool) -> Due:
    """Return the runs that are due at a moment; ``fired``: Temporal's schedule says that it is time.

    Where a person has fired it between two times, it is the time before that counts. Raises ``ParamsError``.
    """
    rule = schedule.rule
    if rule is not None and not rule.is_due(moment):
        local = moment.astimezone(rule.zone)
        if fired and local == rule.on(local.date()):
            return Due(at=moment, note=f"{local.date()} is no day of {rule.calendar!r}: nothing is due")
        moment = rule.latest(moment)
    runs = [_due_run(schedule, moment, number, given) for number, given in enumerate(schedule.params_at(moment))]
    unique = {run.workflow_id: run for run in runs}
    return Due(at=moment, runs=tuple(unique.values()))


def _due_run(schedule: Schedule, moment: datetime, number: int, given: dict[str, Any]) -> DueRun:
    """Return a run; params that the workflow refuses are started all the same, so that the refusal is on record."""
    workflow = schedule.workflow
    own_id = f"{workflow.name}/{schedule.name}-{in_utc(moment)}/{number}"
    try:
        params = resolve_params(workflow, given)
        partition = partition_of(workflow, params)
    except ParamsError:
        return DueRun(
            workflow=workflow.name,
            workflow_id=own_id,
            params=given,
            fingerprint="",
            task_queue=workflow.task_queue,
            again=False,
        )
    is_own = not partition and workflow.partition_by is None
    return DueRun(
        workflow=workflow.name,
        workflow_id=own_id if is_own else workflow_id(workflow, partition),
        params=given,
        fingerprint=fingerprint(params),
        task_queue=workflow.task_queue,
        again=not is_own,
    )

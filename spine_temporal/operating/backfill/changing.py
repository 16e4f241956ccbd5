"""What operators do to a backfill while it goes on: pause, resume, other limits, cancel; each on the record."""

from sqlalchemy import Connection

from spine_temporal.definition.backfill import BackfillStatus, SkipReason
from spine_temporal.definition.errors import ParamsError
from spine_temporal.operating.backfill.messages import Change, backfill_workflow_id
from spine_temporal.recording.audit import record_action
from spine_temporal.recording.backfill_holds import take_back_all
from spine_temporal.recording.backfill_partitions import skip_waiting
from spine_temporal.recording.backfills import BackfillRow, lock_backfill, set_backfill

_PAUSABLE = {BackfillStatus.RUNNING, BackfillStatus.PAUSED}


def apply_change(connection: Connection, backfill_id: str, change: Change) -> str:
    """Write the change, and return how the backfill stands then, in a sentence; a second time nothing is left to do.

    Raises ``ParamsError`` where it has ended, or is being cancelled.
    """
    row = lock_backfill(connection, backfill_id)
    if row is None or row.status.has_ended:
        raise ParamsError(f"backfill {backfill_id} has ended, so there is nothing to {change.action}")
    if change.action != "cancel" and row.status not in _PAUSABLE:
        raise ParamsError(f"backfill {backfill_id} is {row.status} ({row.told}), so it cannot be changed any more")
    if change.runs:  # those that are held are cancelled too, and their ends waited for
        take_back_all(connection, backfill_id)
    status, max_parallel = _wanted(row, change), change.max_parallel or row.max_parallel
    if (status, max_parallel) != (row.status, row.max_parallel):
        told = row.told if change.action == "set" else None if change.action == "resume" else change.told
        set_backfill(connection, row, status=status, told=told, max_parallel=max_parallel)
        if change.action == "cancel":
            skip_waiting(connection, backfill_id, SkipReason.CANCELLED, change.told)
        record_action(
            connection,
            f"backfill {change.action}",
            workflow_id=backfill_workflow_id(backfill_id),
            run_id=None,
            by=change.by,
            reason=change.reason,
            details=change.model_dump(exclude_defaults=True, include={"max_parallel", "runs"}),
        )
    return f"backfill {backfill_id} is {status}, at most {max_parallel} at a time"


def _wanted(row: BackfillRow, change: Change) -> BackfillStatus:
    match change.action:
        case "pause":
            return BackfillStatus.PAUSED
        case "resume":
            return BackfillStatus.RUNNING
        case "cancel":
            return BackfillStatus.CANCELLING
        case "set":
            return row.status

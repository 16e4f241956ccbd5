"""Whose turn it is: one transaction skips what need not run, and gives places, never more than there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from spine_temporal.definition.backfill import BackfillStatus, Reprocess, SkipReason
from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.run_result import WorkflowStatus
from spine_temporal.operating.backfill.summary import end_told, summary_of
from spine_temporal.recording.backfill_holds import held_positions, settle_places
from spine_temporal.recording.backfill_partitions import (
    BackfillPartition,
    Skip,
    failed_partitions,
    partition_counts,
    running_partitions,
    skip_partitions,
    take_turns,
    waiting_partitions,
)
from spine_temporal.recording.backfills import BackfillRow, lock_backfill, set_backfill
from spine_temporal.recording.database import Database
from spine_temporal.recording.outbox import enqueue
from spine_temporal.recording.partition_states import PartitionState, partition_states

#: Waiting partitions that one transaction looks at; and the first one, which finds whom it looks for as a rule.
_PAGE, _FIRST_PAGE = 500, 20


@dataclass(frozen=True, kw_only=True)
class Turns:
    """A backfill, and the partitions that have a place now."""

    backfill: BackfillRow
    running: Sequence[BackfillPartition]
    #: The positions of those that have none: their runs wait for a person, or are decided and wait for a place.
    held: Sequence[int] = ()
    #: Those that were skipped for it, since the turns before.
    skipped: Sequence[Skip] = ()


def give_turns(database: Database, backfill_id: str) -> Turns:
    """Give free places to those whose turn it is; where nothing is left to do, the backfill has ended.

    Runs that were held and are decided come before partitions that have not had their turn.
    However many call it at once, the backfill has no more places than it may: its row is locked. Raises ``SpineError``
    where the database does not know it.
    """
    skipped: list[Skip] = []
    size = _FIRST_PAGE
    while True:
        with database.begin() as connection:
            backfill = lock_backfill(connection, backfill_id)
            if backfill is None:
                raise SpineError(f"there is no backfill {backfill_id!r}", ErrorCategory.STATE_LOST)
            settle_places(connection, backfill)
            free = backfill.max_parallel - len(running_partitions(connection, backfill_id))
            page: Sequence[BackfillPartition] = ()
            if backfill.status is BackfillStatus.RUNNING and free > 0:
                page = waiting_partitions(connection, backfill_id, limit=max(size, free))
            skips, taken = _take(connection, backfill, page, free)
            skipped += skips
            if page and not taken:
                size = _PAGE
                continue  # all of the page was skipped: commit that, and look at the next one
            running = running_partitions(connection, backfill_id)
            held, backfill = held_positions(connection, backfill_id), _ended(connection, backfill, running)
            return Turns(backfill=backfill, running=running, held=held, skipped=skipped)


def _take(
    connection: Connection, backfill: BackfillRow, page: Sequence[BackfillPartition], free: int
) -> tuple[list[Skip], int]:
    """Skip, and give places, until none is free or the page is at its end.

    Return what was skipped, and how many have got a place.
    """
    if not page:
        return [], 0
    states = partition_states(connection, backfill.workflow, [row.partition_key or {} for row in page])
    skips, taken = list[Skip](), dict[int, str | None]()
    today = datetime.now(UTC).date()
    for row, state in zip(page, states, strict=True):
        if len(taken) == free:
            break
        skip = skip_of(row, state, Reprocess(backfill.reprocess), today)
        if skip is None:
            taken[row.position] = resumed_of(row, state, Reprocess(backfill.reprocess))
        else:
            skips.append(skip)
    skip_partitions(connection, backfill.backfill_id, skips)
    take_turns(connection, backfill.backfill_id, taken)
    return skips, len(taken)


def skip_of(row: BackfillPartition, state: PartitionState, reprocess: Reprocess, today: date) -> Skip | None:
    """Return why the partition is not run now; None: it is."""
    found = _taken(state) or _future(row, today) or _done(state, reprocess)
    return None if found is None else Skip(position=row.position, reason=found[0], detail=found[1], run_id=found[2])


#: The reason, in words, and the run that it is.
_Why = tuple[SkipReason, str, str | None] | None


def _taken(state: PartitionState) -> _Why:
    if state.held_step is not None:
        return SkipReason.HELD, f"run {state.holder} waits for a person at {state.held_step}", state.holder
    return None if state.holder is None else (SkipReason.BUSY, f"run {state.holder} works on it", state.holder)


def _future(row: BackfillPartition, today: date) -> _Why:
    if row.not_before is None or row.not_before <= today:
        return None
    return SkipReason.FUTURE, f"{row.not_before} has not come: today is {today} in UTC", None


def _done(state: PartitionState, reprocess: Reprocess) -> _Why:
    if reprocess is Reprocess.ALL or state.status is None:
        return None
    if state.status == WorkflowStatus.COMPLETED.value:
        return SkipReason.COMPLETE, f"completed by run {state.run_id}", state.run_id
    if reprocess is Reprocess.MISSING:
        return SkipReason.FAILED_BEFORE, f"run {state.run_id} is {state.status}{_why(state)}", state.run_id
    return None


def _why(state: PartitionState) -> str:
    return f" at {state.error_step}: {state.error}" if state.error_step else ""


def resumed_of(row: BackfillPartition, state: PartitionState, reprocess: Reprocess) -> str | None:
    """Return the run that is resumed; None: a run is started, as there is none, or another run began it as its own."""
    resumes = reprocess is not Reprocess.ALL and state.workflow_id == row.workflow_id
    return state.run_id if resumes else None


def _ended(connection: Connection, backfill: BackfillRow, running: Sequence[BackfillPartition]) -> BackfillRow:
    """End the backfill where nothing of it runs or waits; return it as it stands then."""
    if running or backfill.status.has_ended:
        return backfill
    if waiting_partitions(connection, backfill.backfill_id, limit=1):
        return backfill
    if backfill.status is BackfillStatus.CANCELLING:
        status = BackfillStatus.CANCELLED
    else:
        failed = failed_partitions(connection, backfill.backfill_id, limit=1)
        status = BackfillStatus.FAILED if failed else BackfillStatus.COMPLETED
    set_backfill(connection, backfill, status=status, told=backfill.told)
    found = lock_backfill(connection, backfill.backfill_id)
    assert found is not None  # noqa: S101 - it is locked
    counts = partition_counts(connection, [backfill.backfill_id])
    enqueue(connection, end_told(found, summary_of(found, counts, datetime.now(UTC))))
    return found

"""How a run that a backfill has started goes on when a person has decided: when the backfill has a place for it."""

from datetime import timedelta

from sqlalchemy import Connection
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from spine_temporal.recording.backfill_holds import PlaceAwaited, ask_for_place, backfill_of_run
from spine_temporal.recording.backfills import lock_backfill
from spine_temporal.recording.fence import require_fence
from spine_temporal.runtime.claims import acknowledged_of
from spine_temporal.runtime.held_gates import record_decision
from spine_temporal.runtime.partition_queue import asks_again_in
from spine_temporal.translation.gate_messages import HoldRequest

#: Failure type of ``spine.decide``: the decision is recorded, and its run waits for a place of its backfill.
NO_PLACE = "NO_PLACE"


def decide_in_turn(
    connection: Connection, request: HoldRequest, principal: str | None, *, is_recorded: bool
) -> PlaceAwaited | None:
    """Record a decision, where an earlier attempt has not, and return what the run waits for then; None: it goes on.

    The backfill is locked before anything else, as by all who give its places: none of them takes the run for one that
    is held while its decision is being recorded.
    """
    backfill_id = None if request.decision is None else backfill_of_run(connection, request.key)
    backfill = None if backfill_id is None else lock_backfill(connection, backfill_id)
    if is_recorded:
        require_fence(connection, request.key, acknowledged_of(request))
    else:
        record_decision(connection, request, principal)
    if backfill is None or request.only_ends:
        return None
    return ask_for_place(connection, backfill, request.key.run_id, is_new=not is_recorded)


def no_place(awaited: PlaceAwaited, attempt: int) -> ApplicationError:
    """Return the failure of a run that waits for a place, which Temporal repeats when the run asks again."""
    places, ahead = awaited.max_parallel, awaited.ahead
    before = f"; {ahead} come{'s' * (ahead == 1)} before it" if ahead else ""
    return ApplicationError(
        f"waits for a place in backfill {awaited.backfill_id}, which has {places}{before}",
        type=NO_PLACE,
        next_retry_delay=_again_in(awaited, attempt),
        category=ApplicationErrorCategory.BENIGN,
    )


def _again_in(awaited: PlaceAwaited, attempt: int) -> timedelta:
    """Return when to ask again: as many as there are places may be next at once."""
    return asks_again_in(awaited.ahead // awaited.max_parallel, attempt)

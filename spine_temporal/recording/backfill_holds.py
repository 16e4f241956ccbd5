"""A backfill's places and held gates: a run that waits for a person has none, and takes one again once it is decided.

All of it is done while the backfill is locked (``lock_backfill``), so that no place is given twice, and none is taken
from a run that is being decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.definition.run_key import RunKey
from spine_temporal.recording.backfills import BackfillRow

# Open runs that do nothing until a person has decided, each with its gate. Beside a gate that runs in a parallel step,
# others work.
_HELD = """gates AS MATERIALIZED (
        SELECT metadata ->> 'run_id' AS run_id, min(stage) AS stage FROM core_anomalies
        WHERE resolved_at IS NULL AND category = 'GATE_HELD' AND metadata -> 'is_beside' IS NULL GROUP BY 1
    ), held AS MATERIALIZED (
        SELECT run_id, gates.stage FROM gates JOIN core_runs USING (run_id) WHERE core_runs.status = 'RUNNING'
    )"""

# Partitions of the backfill whose runs work or are to work, in the order in which they have places: those that have
# one, then those that are decided and have none. A run that has ended needs none, though nobody has seen its end yet.
_IN_TURN = f"""{_HELD}, in_turn AS MATERIALIZED (
        SELECT position, run_id, status, decided_at,
            row_number() OVER (ORDER BY decided_at NULLS FIRST, position) AS number
        FROM core_backfill_partitions AS one
        WHERE backfill_id = :backfill_id AND status IN ('RUNNING', 'HELD')
            AND (status = 'RUNNING' OR NOT EXISTS (SELECT FROM held WHERE held.run_id = one.run_id))
            AND NOT EXISTS (SELECT FROM core_runs WHERE core_runs.run_id = one.run_id AND core_runs.status <> 'RUNNING')
    )"""

_GIVE_BACK = text(f"""
    WITH {_HELD}
    UPDATE core_backfill_partitions AS one SET status = 'HELD', decided_at = NULL,
        detail = 'waits for a person at ' || regexp_replace(held.stage, '^workflow\\.', '')
    FROM held WHERE one.backfill_id = :backfill_id AND one.run_id = held.run_id
        AND (one.status = 'RUNNING' OR one.status = 'HELD' AND one.decided_at IS NOT NULL)
""")

# An open run that is not held and has not asked for a place works already, or is about to end: it was aborted.
_TAKE_BACK = text(f"""
    WITH {_HELD}
    UPDATE core_backfill_partitions AS one SET status = 'RUNNING', decided_at = NULL, detail = NULL
    WHERE one.backfill_id = :backfill_id AND one.status = 'HELD'
        AND NOT EXISTS (SELECT FROM held WHERE held.run_id = one.run_id)
        AND (one.decided_at IS NULL OR NOT EXISTS (
            SELECT FROM core_runs WHERE core_runs.run_id = one.run_id AND core_runs.status = 'RUNNING'
        ))
    RETURNING position
""")

# Who waits for a place still does so by its time: it is cancelled, and must not go on before it hears of it.
_TAKE_ALL = text("""
    UPDATE core_backfill_partitions SET status = 'RUNNING', detail = NULL
    WHERE backfill_id = :backfill_id AND status = 'HELD'
""")

_GIVE = text(f"""
    WITH {_IN_TURN}
    UPDATE core_backfill_partitions AS one SET status = 'RUNNING', decided_at = NULL, detail = NULL
    FROM in_turn WHERE one.backfill_id = :backfill_id AND one.position = in_turn.position
        AND in_turn.decided_at IS NOT NULL AND in_turn.number <= :max_parallel
""")

_WAITING = text(f"WITH {_IN_TURN} SELECT count(*) FROM in_turn WHERE status = 'HELD'")

_POSITIONS = text("""
    SELECT position FROM core_backfill_partitions WHERE backfill_id = :backfill_id AND status = 'HELD' ORDER BY position
""")

# A run may be held before it is known which run its partition has.
_BACKFILL_OF = text("""
    SELECT backfill_id FROM core_backfill_partitions
    WHERE workflow_id = :workflow_id AND status IN ('RUNNING', 'HELD') AND (run_id = :run_id OR run_id IS NULL)
    ORDER BY run_id NULLS LAST LIMIT 1
""")

# Later than all that have asked before, whatever the clock says.
_ASK = text("""
    UPDATE core_backfill_partitions AS one SET detail = 'decided: its run goes on when it has a place',
        decided_at = greatest(clock_timestamp(), (
            SELECT max(decided_at) + interval '1 microsecond' FROM core_backfill_partitions
            WHERE backfill_id = :backfill_id AND status IN ('RUNNING', 'HELD')
        ))
    WHERE backfill_id = :backfill_id AND run_id = :run_id AND status = 'HELD' AND (:is_new OR decided_at IS NULL)
""")

_NUMBER = text(f"""
    WITH {_IN_TURN}
    SELECT number FROM in_turn
    WHERE run_id = :run_id AND decided_at IS NOT NULL AND number > :max_parallel
""")


@dataclass(frozen=True, kw_only=True)
class PlaceAwaited:
    """A decided run's wait for a place of its backfill."""

    backfill_id: str
    #: How many places the backfill has.
    max_parallel: int
    #: How many decided runs take one before this run.
    ahead: int


def settle_places(connection: Connection, backfill: BackfillRow) -> None:
    """Take the places of runs that wait for a person, and give those that are free to runs that are decided.

    While a backfill is cancelled, who has a place keeps it until its end; once it has ended, nobody tends its runs.
    """
    if backfill.status.has_ended:
        return
    take_back_ended(connection, backfill.backfill_id)
    values = {"backfill_id": backfill.backfill_id}
    if backfill.status is not BackfillStatus.CANCELLING:
        connection.execute(_GIVE_BACK, values)
    connection.execute(_GIVE, values | {"max_parallel": backfill.max_parallel})


def take_back_ended(connection: Connection, backfill_id: str) -> int:
    """Have the ends awaited of runs that have ended, or end, since somebody has decided; return how many they are."""
    return len(connection.execute(_TAKE_BACK, {"backfill_id": backfill_id}).all())


def take_back_all(connection: Connection, backfill_id: str) -> None:
    """Have the ends awaited of all runs that were held: they are being cancelled."""
    connection.execute(_TAKE_ALL, {"backfill_id": backfill_id})


def waiting_for_places(connection: Connection, backfill_id: str) -> int:
    """Return how many runs are decided and have no place; of a backfill that has ended, some of them go on so."""
    return int(connection.execute(_WAITING, {"backfill_id": backfill_id}).scalar_one())


def held_positions(connection: Connection, backfill_id: str) -> Sequence[int]:
    """Return the positions of those that have no place because their runs were held."""
    return list(connection.execute(_POSITIONS, {"backfill_id": backfill_id}).scalars())


def backfill_of_run(connection: Connection, key: RunKey) -> str | None:
    """Return the backfill that has started the run and knows no end of it; one look by an index."""
    values = {"workflow_id": key.workflow_id, "run_id": key.run_id}
    found: str | None = connection.execute(_BACKFILL_OF, values).scalar()
    return found


def ask_for_place(connection: Connection, backfill: BackfillRow, run_id: str, *, is_new: bool) -> PlaceAwaited | None:
    """Ask for a place for a run whose gate is decided; None: it has one, and goes on.

    ``is_new``: the decision was recorded just now; the run comes behind all that have asked before.
    """
    run = {"backfill_id": backfill.backfill_id, "run_id": run_id}
    connection.execute(_ASK, run | {"is_new": is_new})
    settle_places(connection, backfill)
    number = connection.execute(_NUMBER, run | {"max_parallel": backfill.max_parallel}).scalar()
    if number is None:
        return None
    ahead = number - backfill.max_parallel - 1
    return PlaceAwaited(backfill_id=backfill.backfill_id, max_parallel=backfill.max_parallel, ahead=ahead)

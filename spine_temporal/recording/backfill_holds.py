"""The partitions of a backfill whose runs wait for a person: they have no place until somebody has decided."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

# Runs that are open, with the gate at which each waits.
_GATES = """gates AS MATERIALIZED (
        SELECT metadata ->> 'run_id' AS run_id, min(stage) AS stage FROM core_anomalies
        WHERE resolved_at IS NULL AND category = 'GATE_HELD' GROUP BY 1
    ), held AS MATERIALIZED (
        SELECT run_id, gates.stage FROM gates JOIN core_runs USING (run_id) WHERE core_runs.status = 'RUNNING'
    )"""

_GIVE_BACK = text(f"""
    WITH {_GATES}
    UPDATE core_backfill_partitions AS one
    SET status = 'HELD', detail = 'waits for a person at ' || regexp_replace(held.stage, '^workflow\\.', '')
    FROM held WHERE one.backfill_id = :backfill_id AND one.status = 'RUNNING' AND one.run_id = held.run_id
""")

_TAKE_BACK = text(f"""
    WITH {_GATES}
    UPDATE core_backfill_partitions AS one SET status = 'RUNNING', detail = NULL
    WHERE one.backfill_id = :backfill_id AND one.status = 'HELD'
        AND (:of_all OR NOT EXISTS (SELECT FROM held WHERE held.run_id = one.run_id))
    RETURNING position
""")

_POSITIONS = text("""
    SELECT position FROM core_backfill_partitions WHERE backfill_id = :backfill_id AND status = 'HELD' ORDER BY position
""")


def give_back_held(connection: Connection, backfill_id: str) -> None:
    """Give back the places of those whose runs wait for a person."""
    connection.execute(_GIVE_BACK, {"backfill_id": backfill_id})


def take_back_decided(connection: Connection, backfill_id: str, *, of_all: bool = False) -> int:
    """Give a place to those whose runs go on, or have ended, since somebody has decided; ``of_all``: to each.

    Return how many they are. A backfill may have more places by it than it gives: it cannot keep a person waiting.
    """
    return len(connection.execute(_TAKE_BACK, {"backfill_id": backfill_id, "of_all": of_all}).all())


def held_positions(connection: Connection, backfill_id: str) -> Sequence[int]:
    """Return the positions of those that have no place because their runs wait for a person."""
    return list(connection.execute(_POSITIONS, {"backfill_id": backfill_id}).scalars())

"""Who has a place of a backfill when held gates are decided: by rows alone, under the lock of the backfill."""

import json
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from spine_temporal import SpineError
from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.definition.run_key import RunKey
from spine_temporal.definition.run_result import Decision
from spine_temporal.operating.backfill.turns import give_turns
from spine_temporal.recording.backfill_holds import _BACKFILL_OF, PlaceAwaited, backfill_of_run
from spine_temporal.recording.backfill_partitions import BackfillPartition, insert_partitions
from spine_temporal.recording.backfills import insert_backfill, lock_backfill, set_backfill
from spine_temporal.runtime.backfill_places import NO_PLACE, decide_in_turn, no_place
from spine_temporal.runtime.held_gates import is_recorded, record_hold
from spine_temporal.translation.gate_messages import HoldRequest

BACKFILL = "b"
_CLAIM = text("""
    INSERT INTO core_partitions (domain, partition_key, workflow_id, run_id, execution_run_id, epoch)
    VALUES (:domain, CAST(:key AS jsonb), :workflow_id, :run_id, :run_id, 1)
""")
_RUN = text("""
    INSERT INTO core_runs (run_id, workflow_id, workflow, domain, partition_key, params, plan, status, started_at)
    VALUES (:run_id, :workflow_id, 'w', 'w', CAST(:key AS jsonb), '{}', '{}', 'RUNNING', now())
""")


def key_of(shard):
    return RunKey(
        run_id=f"run-{shard}", workflow="w", workflow_id=f"w/shard={shard}", domain="w", partition={"shard": shard},
        epoch=1, execution_run_id=f"run-{shard}",
    )  # fmt: skip


def request(shard, **more):
    return HoldRequest(key=key_of(shard), step="check", round=0, error="few", category="QUALITY_GATE", **more)


def decided(shard, action="waive", **more):
    decision = Decision(action=action, by="ann", reason="known", at=datetime(2026, 1, 5, tzinfo=UTC))
    return request(shard, decision=decision, **more)


class Held:
    """A backfill of a database whose runs have all begun, and wait for a person."""

    def __init__(self, database, shards, max_parallel):
        self.database = database
        with database.begin() as connection:
            insert_backfill(
                connection, backfill_id=BACKFILL, workflow="w", domain="w", over={}, params={}, reprocess="failed",
                max_parallel=max_parallel, task_queue="q", total=shards, by="",
            )  # fmt: skip
            insert_partitions(connection, BACKFILL, [
                BackfillPartition(
                    position=shard, params={"shard": shard}, partition_key={"shard": shard},
                    workflow_id=f"w/shard={shard}", not_before=None,
                )
                for shard in range(shards)
            ])  # fmt: skip
        for shard in range(shards):
            self.begin(shard)

    def begin(self, shard):
        values = {"key": json.dumps({"shard": shard}), "run_id": f"run-{shard}", "workflow_id": f"w/shard={shard}"}
        with self.database.begin() as connection:
            connection.execute(_CLAIM, values | {"domain": key_of(shard).recording_domain})
            connection.execute(_RUN, values)
            record_hold(connection, request(shard))
            connection.execute(
                text("UPDATE core_backfill_partitions SET status = 'RUNNING', run_id = :run_id WHERE position = :at"),
                {"run_id": f"run-{shard}", "at": shard},
            )

    def decide(self, shard, again=False, **more):
        """Return how many come before the run, which waits; None: it goes on."""
        with self.database.begin() as connection:
            assert is_recorded(connection, decided(shard, **more)) is again
            awaited = decide_in_turn(connection, decided(shard, **more), None, is_recorded=again)
            return None if awaited is None else awaited.ahead

    def end(self, shard):
        self.execute("UPDATE core_runs SET status = 'COMPLETED' WHERE run_id = :run_id", run_id=f"run-{shard}")

    def execute(self, statement, **values):
        with self.database.begin() as connection:
            connection.execute(text(statement), values)

    def set(self, status=BackfillStatus.RUNNING, max_parallel=None):
        with self.database.begin() as connection:
            set_backfill(connection, lock_backfill(connection, BACKFILL), status=status, max_parallel=max_parallel)

    @property
    def standing(self):
        query = text("SELECT status FROM core_backfill_partitions ORDER BY position")
        with self.database.begin() as connection:
            return list(connection.execute(query).scalars())


@pytest.fixture
def backfill(database):
    """A backfill of five runs, two at a time, all held: it has ended."""
    made = Held(database, 5, 2)
    assert give_turns(database, BACKFILL).held == [0, 1, 2, 3, 4]
    return made


@pytest.fixture
def paused(backfill):
    """The same, that has not ended."""
    backfill.set(BackfillStatus.PAUSED)
    return backfill


def test_as_many_go_on_as_there_are_places_and_the_others_in_the_order_in_which_they_were_decided(paused):
    assert [paused.decide(shard) for shard in (3, 1, 4, 0, 2)] == [None, None, 0, 1, 2]
    assert paused.standing == ["HELD", "RUNNING", "HELD", "RUNNING", "HELD"]
    assert paused.decide(0, again=True) == 1
    paused.end(1)  # nobody has seen its end yet
    assert paused.decide(0, again=True) == 0
    assert paused.decide(4, again=True) is None
    assert paused.decide(4, again=True) is None, "its answer was lost"
    paused.set(BackfillStatus.PAUSED, max_parallel=3)
    assert [paused.decide(shard, again=True) for shard in (2, 0)] == [0, None]


def test_one_that_tends_gives_the_same_places(paused):
    for shard in (3, 1, 4, 0):
        paused.decide(shard)
    paused.end(3)
    turns = give_turns(paused.database, BACKFILL)
    assert [row.position for row in turns.running] == [1, 3, 4], "the end of run 3 is still to be recorded"
    assert turns.held == [0, 2]
    assert paused.decide(4, again=True) is None


def test_a_backfill_that_has_ended_lets_no_more_go_on_and_its_partitions_stay_held(backfill):
    backfill.set(BackfillStatus.COMPLETED)
    assert [backfill.decide(shard) for shard in (3, 1, 4, 0)] == [None, None, 0, 1]
    assert backfill.standing == ["HELD"] * 5
    backfill.end(3)
    assert [backfill.decide(shard, again=True) for shard in (0, 4)] == [0, None]
    assert [backfill.decide(shard, again=True) for shard in (0, 4, 1)] == [0, None, None]


def test_a_run_that_is_held_again_comes_behind_those_that_went_on_meanwhile(backfill):
    backfill.set(BackfillStatus.COMPLETED)
    assert [backfill.decide(shard) for shard in (0, 1, 2)] == [None, None, 0]
    with backfill.database.begin() as connection:
        record_hold(connection, request(0).model_copy(update={"round": 1}))
    assert backfill.decide(2, again=True) is None
    with backfill.database.begin() as connection:
        again = decided(0).model_copy(update={"round": 1})
        assert decide_in_turn(connection, again, None, is_recorded=False).ahead == 0


def test_one_that_only_ends_by_its_decision_waits_for_nothing(paused):
    assert [paused.decide(shard) for shard in (0, 1, 2)] == [None, None, 0]
    assert paused.decide(3, action="abort", only_ends=True) is None
    paused.end(3)
    assert paused.decide(4, action="abort") == 1


def test_a_gate_that_is_held_beside_others_keeps_the_place(database):
    made = Held(database, 2, 2)
    made.execute("""UPDATE core_anomalies SET resolved_at = now() WHERE partition_key = '{"shard": 1}'""")
    with database.begin() as connection:
        record_hold(connection, request(1).model_copy(update={"round": 1, "is_beside": True}))
    assert give_turns(database, BACKFILL).held == [0]


def test_a_run_that_is_being_decided_keeps_its_place_whoever_looks_meanwhile(database):
    """The other one sees the gate as held until the decision is committed."""
    made = Held(database, 3, 3)
    with ThreadPoolExecutor(1) as pool:
        with database.begin() as connection:
            assert decide_in_turn(connection, decided(1), None, is_recorded=False) is None
            tending = pool.submit(give_turns, database, BACKFILL)
            assert wait([tending], timeout=0.5).not_done, "it waits for the lock of the backfill"
        assert [row.position for row in tending.result().running] == [1]
    assert made.standing == ["HELD", "RUNNING", "HELD"]


@pytest.mark.parametrize("run_id", ["run-1", None])
def test_the_backfill_is_locked_before_the_partition(database, run_id):
    """A run may be decided before it is known which run its partition has."""
    made = Held(database, 2, 2)
    made.execute("UPDATE core_backfill_partitions SET run_id = :run_id WHERE position = 1", run_id=run_id)

    def decide():
        with database.begin() as connection:
            return decide_in_turn(connection, decided(1), None, is_recorded=False)

    with ThreadPoolExecutor(1) as pool:
        with database.begin() as connection:
            lock_backfill(connection, BACKFILL)
            deciding = pool.submit(decide)
            assert wait([deciding], timeout=0.5).not_done
            connection.execute(text("SELECT 1 FROM core_partitions FOR UPDATE NOWAIT"))
        assert deciding.result() is None


def test_a_run_of_no_backfill_costs_one_look_by_an_index(connection):
    connection.execute(
        text("""
            INSERT INTO core_backfill_partitions (backfill_id, position, params, workflow_id, run_id, status)
            SELECT 'b', number, '{}', 'w/shard=' || number, 'run-' || number, 'COMPLETED'
            FROM generate_series(1, 20000) AS number
        """)
    )
    connection.execute(text("ANALYZE core_backfill_partitions"))
    values = {"workflow_id": "w/shard=7", "run_id": "run-7"}
    plan = connection.execute(text(f"EXPLAIN {_BACKFILL_OF}"), values).scalars().all()
    assert any("Index Scan using core_backfill_partitions_open" in line for line in plan), plan
    assert backfill_of_run(connection, key_of(7)) is None


def test_a_run_that_may_write_nothing_any_more_does_not_wait_for_ever(paused):
    assert [paused.decide(shard) for shard in (0, 1, 2)] == [None, None, 0]
    paused.execute("UPDATE core_partitions SET run_id = NULL WHERE workflow_id = 'w/shard=2'")
    with pytest.raises(SpineError, match="does not hold partition"):
        paused.decide(2, again=True)


def test_the_failure_says_what_is_waited_for_and_when_it_asks_again():
    first, fifth = (PlaceAwaited(backfill_id=BACKFILL, max_parallel=2, ahead=ahead) for ahead in (1, 4))
    failure = no_place(first, 1)
    assert (str(failure), failure.type, failure.non_retryable) == (
        "NO_PLACE: waits for a place in backfill b, which has 2; 1 comes before it", NO_PLACE, False,
    )  # fmt: skip
    assert [no_place(one, 9).next_retry_delay.total_seconds() for one in (first, fifth)] == [5, 9]
    assert "; 4 come before it" in str(no_place(fifth, 1))

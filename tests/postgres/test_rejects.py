"""Rejects are there once, however often they are written, and a run shows those of what it has done last."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from spine_temporal import Reject, RejectSink
from spine_temporal.cli.printing import print_rejects
from spine_temporal.definition.run_key import RunKey
from spine_temporal.recording.executions import (
    Execution,
    complete_execution,
    execution_id_of,
    open_execution,
    supersede_executions,
)
from spine_temporal.recording.partitions import claim
from spine_temporal.recording.rejects import count_rejects, list_rejects
from spine_temporal.recording.run_lifecycle import NewRun, open_run
from spine_temporal.recording.runs import run_of
from spine_temporal.runtime.ending import run_stage

DAY = {"day": "2026-11-02"}
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
BAD = Reject("normalize", "BAD_SHARES", "shares 'abc' is no number", "A|abc", "otc.csv", 7)
EMPTY = Reject("normalize", "EMPTY_SYMBOL", raw_data="||3")


def rows(connection, columns="reason_code, line_number, raw_text"):
    return connection.execute(text(f"SELECT {columns} FROM core_rejects ORDER BY reject_id")).all()


def test_what_an_attempt_writes_again_is_there_once_and_two_that_are_alike_are_two(connection):
    for _ in range(2):
        sink = RejectSink(connection, "otc", "an-execution")
        assert sink.write_batch([BAD, EMPTY, EMPTY], DAY) == 3
        sink.write(EMPTY, DAY)
        assert sink.count == 4
    assert rows(connection) == [("BAD_SHARES", 7, "A|abc")] + [("EMPTY_SYMBOL", None, "||3")] * 3
    RejectSink(connection, "otc", "another-execution").write(BAD, DAY)
    assert len(rows(connection)) == 5


def test_more_than_one_statement_takes_is_written_whole(connection):
    sink = RejectSink(connection, "otc", "an-execution", "a-batch")
    assert sink.write_batch((Reject("load", "CUT", line_number=line) for line in range(5001)), DAY) == 5001
    assert rows(connection, "line_number, batch_id, partition_key")[-1] == (5000, "a-batch", DAY)
    assert sink.write_batch([]) == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\x00b", "a\\x00b"),
        ({"day": NOON, "shares": None}, '{"day": "2026-11-02 12:00:00+00:00", "shares": null}'),
        (None, None),
        ("x" * 20_000, "x" * 9_999 + "…"),
    ],
    ids=["NUL", "JSON", "nothing", "long"],
)
def test_the_row_is_kept_as_text(connection, given, kept):
    RejectSink(connection, "otc", "an-execution").write(Reject("load", "CUT", raw_data=given))
    assert rows(connection, "raw_text, partition_key") == [(kept, {})]


def key_of(run_id, lineage="r1"):
    return RunKey(run_id=run_id, workflow="w", workflow_id="w/1", domain="d", partition=DAY, lineage=lineage)


def begun(connection, run_id, hours=0):
    """Open a run that holds the partition."""
    connection.execute(text("UPDATE core_partitions SET run_id = NULL"))
    key = key_of(run_id)
    key = key.with_epoch(claim(connection, key).epoch)
    at = NOON + timedelta(hours=hours)
    new = NewRun(key=key, params={}, plan=json.dumps({}), started_at=at, temporal="here", first_run_id=run_id)
    open_run(connection, new, run_stage("STARTED", 0, run_id))
    return key


def done(connection, key, step, *rejects, round_=0):
    """Do a step of the run, which refuses these."""
    execution = Execution(key=key, step=step, pipeline=f"p.{step}", params={}, round=round_)
    open_execution(connection, execution)
    RejectSink(connection, "otc", execution_id_of(key.run_id, step, round_)).write_batch(rejects, DAY)
    assert complete_execution(connection, execution, output={}, completed_at=NOON, stages=())
    # Of one transaction all rows have the same time.
    connection.execute(
        text("UPDATE core_executions SET started_at = clock_timestamp() WHERE execution_id = :id"),
        {"id": execution.execution_id},
    )


def shown(connection, run_id):
    return [(row["step"], row["reason_code"]) for row in list_rejects(connection, run_of(connection, run_id))]


def test_a_step_that_is_done_again_shows_what_it_refused_last(connection):
    first = begun(connection, "r1")
    done(connection, first, "load", EMPTY)
    done(connection, first, "normalize", BAD, EMPTY)
    assert shown(connection, "r1") == [
        ("load", "EMPTY_SYMBOL"),
        ("normalize", "BAD_SHARES"),
        ("normalize", "EMPTY_SYMBOL"),
    ]
    supersede_executions(connection, first, {"normalize": 0})
    assert shown(connection, "r1") == [("load", "EMPTY_SYMBOL")]
    done(connection, first, "normalize", BAD, round_=1)
    assert shown(connection, "r1") == [("load", "EMPTY_SYMBOL"), ("normalize", "BAD_SHARES")]
    assert count_rejects(connection, run_of(connection, "r1")) == {
        "load": {"EMPTY_SYMBOL": 1},
        "normalize": {"BAD_SHARES": 1},
    }


def test_a_run_that_goes_on_from_another_has_the_rejects_of_the_steps_that_it_keeps(connection):
    done(connection, begun(connection, "r1"), "load", EMPTY)
    second = begun(connection, "r2", hours=1)
    assert shown(connection, "r2") == [("load", "EMPTY_SYMBOL")]
    done(connection, second, "normalize", BAD, BAD)
    assert shown(connection, "r2") == [
        ("load", "EMPTY_SYMBOL"),
        ("normalize", "BAD_SHARES"),
        ("normalize", "BAD_SHARES"),
    ]
    assert shown(connection, "r1") == [("load", "EMPTY_SYMBOL")]
    assert len(list_rejects(connection, run_of(connection, "r2"), limit=1)) == 1


def test_a_person_reads_how_many_of_which_reason_and_the_rows(connection, capsys):
    key = begun(connection, "r1")
    done(connection, key, "load", EMPTY)
    done(connection, key, "normalize", BAD, EMPTY, EMPTY)
    run = run_of(connection, "r1")
    print_rejects(list_rejects(connection, run, limit=3), count_rejects(connection, run), nothing="none")
    told = capsys.readouterr()
    assert "load: 1 reject: EMPTY_SYMBOL 1\n" in told.out
    assert "normalize: 3 rejects: EMPTY_SYMBOL 2, BAD_SHARES 1\n" in told.out
    assert "shares 'abc' is no number" in told.out
    assert told.err == "2 of 3; --limit N shows more\n"
    print_rejects([], {}, nothing="none")
    assert capsys.readouterr().out == "none\n"

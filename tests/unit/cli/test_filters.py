"""What the options of lists ask for, what is new at each look, and how runs that do not move are told."""

import json
from datetime import UTC, datetime

import pytest

from spine_temporal import ParamsError
from spine_temporal.cli.filters import changed, print_rows, question_of
from spine_temporal.cli.why import stall_lines
from spine_temporal.client.stalls import Stall, StallCause
from spine_temporal.recording.ledger import EXECUTIONS, MANIFEST, RUNS, Question, where
from spine_temporal.recording.triage import ANOMALIES


def test_the_options_make_a_question_and_what_is_not_given_restricts_nothing():
    assert question_of(workflow=None, statuses=None, categories=[]) == Question()
    asked = question_of(workflow="w", partition=["tier=OTC"], statuses=["FAILED"], since="2026-01-05")
    since = datetime(2026, 1, 5, tzinfo=UTC)
    assert asked == Question(workflow="w", partition={"tier": "OTC"}, statuses=("FAILED",), since=since)
    with pytest.raises(ParamsError, match="--partition 'tier' must be key=value"):
        question_of(partition=["tier"])


@pytest.mark.parametrize("table", [RUNS, EXECUTIONS, MANIFEST, ANOMALIES], ids=lambda table: table.source.split()[0])
def test_each_part_of_a_question_is_a_part_of_the_condition(table):
    condition, values = where(table, Question(workflow="w", partition={"tier": "OTC"}, since=datetime.now(UTC)))
    assert condition.startswith(f"TRUE AND {table.conditions['workflow']} AND {table.conditions['since']} AND ")
    assert condition.endswith(f"{table.partition} ->> :key0 = :value0")
    assert values.keys() == {"workflow", "since", "key0", "value0"}


def test_a_table_refuses_what_it_knows_nothing_of():
    with pytest.raises(ValueError, match="core_manifest knows no severities"):
        where(MANIFEST, Question(severities=("WARN",)))


def test_only_rows_that_are_new_or_have_changed_are_told_again():
    known = {}
    first, second = {"id": 1, "status": "RUNNING"}, {"id": 2, "status": "RUNNING"}
    assert list(changed(known, [first], ["id"])) == [first]
    assert list(changed(known, [second, first], ["id"])) == [second]
    ended = first | {"status": "COMPLETED"}
    assert list(changed(known, [second, ended], ["id"])) == [ended]


def test_rows_are_an_array_or_a_line_each(capsys):
    rows = [{"id": 1}, {"id": 2}]

    def printed(**how):
        print_rows(lambda: rows, print, key=["id"], **({"as_json": False, "as_lines": False, "watch": False} | how))
        return capsys.readouterr().out

    assert json.loads(printed(as_json=True)) == rows
    assert [json.loads(line) for line in printed(as_lines=True).splitlines()] == rows
    with pytest.raises(ParamsError, match="use --json-lines"):
        printed(as_json=True, watch=True)


def test_whoever_watches_sees_each_change_once_until_he_ends_it(capsys, monkeypatch):
    looks = iter([[{"id": 1, "status": "RUNNING"}], [{"id": 1, "status": "RUNNING"}], [{"id": 1, "status": "FAILED"}]])
    slept = []

    def sleep(_seconds):
        slept.append(1)
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("spine_temporal.cli.filters.time.sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        print_rows(lambda: next(looks), print, key=["id"], as_json=False, as_lines=True, watch=True)
    told = [json.loads(line)["status"] for line in capsys.readouterr().out.splitlines()]
    assert told == ["RUNNING", "FAILED"]


def test_runs_that_do_not_move_stand_under_their_causes_and_many_are_cut():
    def stall(cause, number):
        return Stall(cause=cause, workflow="w", workflow_id=f"w/{number}", run_id="r", text="so")

    assert list(stall_lines([], 5)) == ["every open run moves"]
    many = [stall(StallCause.HELD, 0), *(stall(StallCause.LATE, number) for number in range(1, 4))]
    assert list(stall_lines(many, 2)) == [
        "held: 1 run",
        "  w/0  so",
        "late: 3 runs",
        "  w/1  so",
        "  w/2  so",
        "  and 1 more; --limit N shows more",
    ]

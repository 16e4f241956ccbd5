"""What a limit takes, and whether an attempt may begin by what it finds of it."""

from datetime import UTC, datetime, timedelta

import pytest

from spine_temporal import DefinitionError, Limit, ParamsError, SourceBusyError, Step, Workflow
from spine_temporal.cli.moments import moment_of
from spine_temporal.machine.plan import PlannedLimit
from spine_temporal.machine.planning import plan_of
from spine_temporal.recording.limits import FOR_EVER, Obstacle, Seen, answer

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def seconds(count):
    return timedelta(seconds=count)


def asked(concurrency=None, per_second=None, **seen):
    found = {"next_at": None, "closed_until": None, "starts_at": None, "held": 0, "waiting": 0} | seen
    return answer(PlannedLimit(key="k", concurrency=concurrency, per_second=per_second), Seen(now=NOW, **found))


def test_an_attempt_that_finds_a_place_begins():
    given = asked(concurrency=2, held=1)
    assert (given.obstacle, given.starts_at, given.next_at) == (None, NOW, None)


@pytest.mark.parametrize(("waiting", "wait"), [(0, 0.5), (100, 5), (10_000, 60)])
def test_where_there_is_none_it_comes_again_the_later_the_more_are_waiting(waiting, wait):
    given = asked(concurrency=2, held=2, waiting=waiting)
    assert (given.obstacle, given.wait, given.starts_at) == (Obstacle.FULL, wait, None)


def test_so_many_begin_in_a_second_each_at_its_own_time():
    first = asked(per_second=2)
    assert (first.obstacle, first.next_at) == (None, NOW + seconds(0.5))
    second = asked(per_second=2, next_at=first.next_at)
    assert (second.obstacle, second.wait, second.starts_at) == (Obstacle.RATE, 0.5, NOW + seconds(0.5))
    assert second.next_at == NOW + seconds(1)
    kept = asked(per_second=2, next_at=second.next_at, starts_at=second.starts_at)
    assert (kept.wait, kept.next_at) == (0.5, None)  # one that asks too early keeps its time


def test_one_whose_time_has_come_begins_also_where_others_have_taken_the_rest():
    given = asked(concurrency=1, per_second=2, held=1, starts_at=NOW - seconds(1), next_at=NOW + seconds(9))
    assert (given.obstacle, given.next_at) == (None, None)


def test_nobody_begins_while_the_key_is_closed_whoever_has_a_place():
    given = asked(closed_until=NOW + seconds(20), starts_at=NOW)
    assert (given.obstacle, given.wait, given.starts_at) == (Obstacle.CLOSED, 20, None)
    assert asked(closed_until=NOW).obstacle is None
    given = asked(closed_until=FOR_EVER)
    assert (given.wait, given.closed_until) == (60, None)  # it looks each minute whether somebody has opened it


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"key": ""}, "key '' must be 1 to 100 letters"),
        ({"key": "a key"}, "key 'a key' must be"),
        ({"key": "k", "concurrency": 0}, "concurrency must be a whole number from 1, not 0"),
        ({"key": "k", "concurrency": True}, "concurrency must be a whole number from 1, not True"),
        ({"key": "k", "per_second": 0}, "per_second must be a number of at least 0.0001, not 0"),
    ],
)
def test_a_limit_that_is_wrong_is_refused(given, told):
    with pytest.raises(DefinitionError, match=told):
        Limit(**given)


def test_a_step_that_is_local_or_has_two_limits_of_a_key_or_an_odd_queue_is_refused():
    with pytest.raises(DefinitionError, match="leave out local, or limit"):
        Step.pipeline("one", "limits.one", limit=Limit("k"), local=True)
    with pytest.raises(DefinitionError, match="leave out local, or task_queue"):
        Step.pipeline("one", "limits.one", task_queue="gpu", local=True)
    with pytest.raises(DefinitionError, match="limit must be a Limit, not 'k'"):
        Step.pipeline("one", "limits.one", limit="k")
    with pytest.raises(DefinitionError, match="step 'one': task_queue must be a name of 1 to 200 characters"):
        Step.pipeline("one", "limits.one", task_queue=" gpu")
    steps = [
        Step.pipeline(name, "limits.one", limit=Limit("k", concurrency=most)) for name, most in (("a", 1), ("b", 2))
    ]
    with pytest.raises(DefinitionError, match="has two limits with the key 'k'"):
        Workflow(name="limits", steps=steps)


def test_the_plan_has_them_and_says_nothing_of_steps_without():
    limit = Limit("k", concurrency=2, per_second=0.5)
    below = Workflow(name="limits.below", task_queue="below", steps=[Step.pipeline("one", "limits.one")])
    steps = [
        Step.pipeline("one", "limits.one", limit=limit, task_queue="gpu"),
        Step.pipeline("two", "limits.one"),
        Step.workflow("three", below),
    ]
    one, two, three = plan_of(Workflow(name="limits", steps=steps)).model_dump(mode="json", exclude_unset=True)["steps"]
    assert (one["limit"], one["task_queue"]) == ({"key": "k", "concurrency": 2, "per_second": 0.5}, "gpu")
    assert {"limit", "task_queue"}.isdisjoint(two)
    assert three["task_queue"] == "below"


def test_a_source_that_is_busy_says_for_how_long():
    error = SourceBusyError("the source answered 429", 30, advice="wait")
    assert (str(error), error.retry_after) == ("SOURCE_BUSY: the source answered 429: wait", 30)


def test_a_time_is_a_span_or_itself():
    assert 7100 < (moment_of("--until", "2h") - datetime.now(UTC)).total_seconds() <= 7200
    assert 7100 < (datetime.now(UTC) - moment_of("--since", "2h", back=True)).total_seconds() < 7300
    assert moment_of("--until", "2026-01-05T13:00:00+01:00") == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert moment_of("--until", "2026-01-05") == datetime(2026, 1, 5, tzinfo=UTC)
    with pytest.raises(ParamsError, match="--until 'soon' must be a span such as 30m"):
        moment_of("--until", "soon")

"""Schedules, calendars and deadlines: what is refused, and which times are due, through changes of clocks and years."""

from datetime import UTC, date, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from spine_temporal import (
    CalendarRule,
    Deadline,
    DefinitionError,
    MonthDays,
    ParamsError,
    Schedule,
    Step,
    StepResult,
    Weekdays,
    Workflow,
)
from spine_temporal.definition.schedule import MAX_RUNS
from spine_temporal.operating.schedules.activities import ScheduleActivities
from spine_temporal.operating.schedules.declared import declared
from spine_temporal.operating.schedules.difference import Action, Applied, difference
from spine_temporal.operating.schedules.due import due
from spine_temporal.operating.schedules.messages import DueRequest
from spine_temporal.runtime.definitions import Definitions, checked
from spine_temporal.runtime.timed import check_timed

WEEK = timedelta(days=7)
NEW_YORK = "America/New_York"


def passes(ctx, config):
    return StepResult.ok()


DAILY = Workflow(name="timed.daily", partition_by=("day",), steps=[Step.lambda_("check", passes)])
ANY = Workflow(name="timed.any", steps=[Step.lambda_("check", passes)])


def of_day(scheduled, calendar):
    return {"day": scheduled.date().isoformat()}


def schedule(**changes):
    given = {"name": "daily", "workflow": DAILY, "params": of_day, "cron": "0 6 * * *", "catch_up": WEEK}
    return Schedule(**given | changes)


def by_calendar(**changes):
    return schedule(**{"cron": None, "calendar": Weekdays("Monday"), "at": "06:05", "time_zone": NEW_YORK} | changes)


def rule(calendar, at="06:05", time_zone=NEW_YORK):
    return CalendarRule(calendar=calendar, at=at, time_zone=time_zone)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "a schedule"}, "schedule name 'a schedule' must be 1 to 200 letters"),
        ({"name": "spine.mine"}, "must not begin with 'spine.'"),
        ({"workflow": "timed.daily"}, "schedule 'daily' takes a Workflow, not 'timed.daily'"),
        ({"params": {"day": "today"}}, "schedule 'daily': params must be a function"),
        ({"cron": None}, "give either cron, or calendar with at"),
        ({"calendar": Weekdays("Monday")}, "give either cron, or calendar with at"),
        ({"cron": None, "calendar": Weekdays("Monday")}, "a calendar needs at"),
        ({"cron": None, "calendar": "Mondays", "at": "06:00"}, "an object with is_day"),
        ({"cron": "0 6 * *"}, "cron must have five fields"),
        ({"cron": "every day"}, "cron must have five fields"),
        ({"at": "06:00"}, "a cron has its time of the day in itself"),
        ({"time_zone": "New York"}, "time_zone 'New York' is unknown"),
        ({"jitter": timedelta(minutes=5)}, "too long for a cron"),
        ({"jitter": 5}, "jitter must be a timedelta"),
        ({"overlap": "drop"}, "overlap must be one of allow_all, skip"),
        ({"catch_up": None}, "catch_up must say how far back .* Temporal's own default is a year"),
        ({"catch_up": timedelta(seconds=1)}, "catch_up must say how far back"),
        ({"paused": "no"}, "paused must be True or False"),
    ],
)
def test_a_schedule_that_is_wrong_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(DefinitionError, match=sentence):
        schedule(**changes)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"at": "6:05"}, "at must be a time of the day as HH:MM"),
        ({"at": "24:00"}, "at must be a time of the day as HH:MM"),
        ({"at": "02:30"}, "is not there once on every day in America/New_York: the clocks are changed on 2024-03-10"),
        ({"at": "01:30"}, "the clocks are changed on 2024-11-03"),
        ({"calendar": Weekdays}, "an object with is_day"),
    ],
)
def test_a_calendar_rule_that_is_wrong_is_refused_in_a_sentence(given, sentence):
    if given.get("calendar") is Weekdays:
        given = {"calendar": object()}
    with pytest.raises(DefinitionError, match=sentence):
        rule(**{"calendar": Weekdays("Monday")} | given)


def test_calendars_refuse_days_that_there_are_not():
    for wrong in (lambda: Weekdays("Mon"), Weekdays, lambda: MonthDays(0), lambda: MonthDays(32), MonthDays):
        with pytest.raises(DefinitionError, match="takes n"):
            wrong()
    with pytest.raises(DefinitionError, match=r"MonthDays\(31\) has no day|has no day in the 400 days"):
        rule(_Never()).latest(utc("2025-01-01"))


class _Never:
    def is_day(self, day):
        return False


def test_a_deadline_that_is_wrong_is_refused_in_a_sentence():
    with pytest.raises(DefinitionError, match="by must be a CalendarRule"):
        Deadline(workflow=DAILY, by=utc("2025-01-01"), params=of_day)
    with pytest.raises(DefinitionError, match="params must be a function"):
        Deadline(workflow=DAILY, by=rule(Weekdays("Monday")), params={})
    with pytest.raises(DefinitionError, match="a deadline takes a Workflow"):
        Deadline(workflow="timed.daily", by=rule(Weekdays("Monday")), params=of_day)
    assert Deadline(workflow=DAILY, by=rule(Weekdays("Monday")), params=of_day).name == "timed.daily"


def test_the_time_of_the_day_stays_through_the_changes_of_the_clocks():
    mondays = rule(Weekdays("Monday"))
    spring = [str(one.astimezone(UTC)) for one in mondays.between(utc("2025-03-03"), utc("2025-03-18"))]
    autumn = [str(one.astimezone(UTC)) for one in mondays.between(utc("2025-10-27"), utc("2025-11-11"))]
    assert spring == ["2025-03-03 11:05:00+00:00", "2025-03-10 10:05:00+00:00", "2025-03-17 10:05:00+00:00"]
    assert autumn == ["2025-10-27 10:05:00+00:00", "2025-11-03 11:05:00+00:00", "2025-11-10 11:05:00+00:00"]


def test_each_day_of_a_calendar_is_due_once_through_leap_days_and_ends_of_years():
    last_days = rule(MonthDays(-1))
    due_days = [one.date() for one in last_days.between(utc("2023-12-01"), utc("2025-03-02"))]
    assert len(due_days) == len(set(due_days)) == 15
    assert {date(2023, 12, 31), date(2024, 2, 29), date(2024, 12, 31), date(2025, 2, 28)} <= set(due_days)
    year = [one.date() for one in rule(Weekdays("Monday", "Friday")).between(utc("2024-01-01"), utc("2025-01-01"))]
    assert len(year) == len(set(year)) == 53 + 52
    assert [one.date() for one in rule(MonthDays(29)).between(utc("2025-01-30"), utc("2025-03-30"))] == [
        date(2025, 3, 29)
    ]


def test_the_newest_time_and_the_next_one_meet_at_a_time_itself():
    mondays = rule(Weekdays("Monday"))
    due_at = mondays.on(date(2025, 3, 10))
    assert mondays.latest(due_at) == due_at
    assert mondays.next(due_at) == mondays.on(date(2025, 3, 17))
    assert mondays.latest(due_at - timedelta(seconds=1)) == mondays.on(date(2025, 3, 3))
    assert mondays.next(due_at - timedelta(seconds=1)) == due_at
    assert mondays.is_due(due_at)
    assert not mondays.is_due(due_at + timedelta(seconds=1))
    assert list(mondays.between(due_at, due_at)) == []


def test_what_is_due_is_named_by_the_scheduled_time_and_never_by_the_clock():
    found = due(by_calendar(), utc("2025-03-10T10:05:00"), fired=True)
    assert [(run.workflow_id, run.params, run.again) for run in found.runs] == [
        ("timed.daily/day=2025-03-10", {"day": "2025-03-10"}, True)
    ]
    # In New York the day is still the one before.
    late = due(schedule(cron="0 22 * * *", time_zone=NEW_YORK), utc("2025-01-02T03:00:00"), fired=True)
    assert [run.workflow_id for run in late.runs] == ["timed.daily/day=2025-01-01"]


def test_temporal_fires_a_calendars_schedule_every_day_and_only_the_calendars_days_are_due():
    found = due(by_calendar(), utc("2025-03-11T10:05:00"), fired=True)
    assert found.runs == ()
    assert found.note == "2025-03-11 is no day of Weekdays('Monday'): nothing is due"


def test_fired_by_hand_between_two_times_it_is_the_one_before_that_counts():
    found = due(by_calendar(), utc("2025-03-13T15:00:00"), fired=True)
    assert [run.workflow_id for run in found.runs] == ["timed.daily/day=2025-03-10"]
    assert found.at == utc("2025-03-10T10:05:00")


def test_of_several_params_each_partition_is_due_once_and_what_is_refused_is_started_to_be_refused():
    def several(scheduled, calendar):
        return [{"day": "a"}, {"day": "b"}, {"day": "a"}, {"other": 1}]

    found = due(schedule(params=several), utc("2025-01-02T06:00:00"), fired=True)
    assert [run.workflow_id for run in found.runs] == [
        "timed.daily/day=a",
        "timed.daily/day=b",
        "timed.daily/daily-2025-01-02T06:00:00Z/3",
    ]
    assert [run.fingerprint == "" for run in found.runs] == [False, False, True]


def test_a_workflow_without_params_runs_once_for_each_time():
    found = due(schedule(workflow=ANY, params=lambda scheduled, calendar: {}), utc("2025-01-02T06:00:00"), fired=True)
    [run] = found.runs
    assert (run.workflow_id, run.again) == ("timed.any/daily-2025-01-02T06:00:00Z/0", False)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("2025", "must give a mapping or a list"),
        ([1], "must give a mapping"),
        ([{}] * (MAX_RUNS + 1), "over the limit"),
    ],
)
def test_params_that_are_none_are_refused(given, sentence):
    with pytest.raises(ParamsError, match=sentence):
        due(schedule(params=lambda scheduled, calendar: given), utc("2025-01-02T06:00:00"), fired=True)


def applied(one, *, is_as_applied=True, **changes):
    return Applied(
        name=one.name, schedule_id="spine/q/daily", declared=declared(one) | changes, is_as_applied=is_as_applied
    )


def test_a_difference_is_told_field_by_field():
    mine = schedule()
    assert difference({"daily": mine}, {"daily": applied(mine)}) == []
    [created] = difference({"daily": mine}, {})
    assert (created.action, created.reasons[0]) == (Action.CREATE, "workflow: timed.daily")
    [updated] = difference({"daily": mine}, {"daily": applied(mine, times="cron 0 5 * * * UTC")})
    assert updated.reasons == ("times: cron 0 5 * * * UTC -> cron 0 6 * * * UTC",)
    [changed] = difference({"daily": mine}, {"daily": applied(mine, is_as_applied=False)})
    assert (changed.action, changed.reasons) == (
        Action.UPDATE,
        ("its times or policies were changed in Temporal, or it was applied by half",),
    )
    [pruned] = difference({}, {"daily": applied(mine)})
    assert (pruned.action, pruned.reasons) == (Action.PRUNE, ("no module declares it",))


def test_a_worker_refuses_a_schedule_of_a_workflow_that_it_lacks():
    with pytest.raises(DefinitionError, match=r"schedule 'daily' is of workflow .* which no loaded module"):
        checked(Definitions(schedules={"daily": schedule()}))


def test_a_worker_refuses_params_that_read_the_clock():
    def now(scheduled, calendar):
        return {"day": str(datetime.now(UTC).date())}

    with pytest.raises(DefinitionError, match=r"params of schedule 'daily' call datetime.* make them of the time"):
        check_timed({"timed.daily": DAILY}, [schedule(params=now)])


async def test_a_schedule_that_a_worker_lacks_may_be_known_to_another_and_code_that_raises_is_told_with_its_place():
    moment = utc("2025-01-02T06:00:00")

    async def ask(schedules, name="daily"):
        activities = ScheduleActivities(Definitions(schedules=schedules))
        with pytest.raises(ApplicationError) as caught:
            await activities.due(DueRequest(schedule=name, at=moment, fired=True))
        return caught.value

    lacking = await ask({})
    assert "no module of this worker defines the schedule 'daily'" in lacking.message
    assert not lacking.non_retryable
    raising = await ask({"daily": schedule(params=lambda scheduled, calendar: scheduled["day"])})
    assert "TypeError" in raising.message
    assert "test_schedules.py:" in raising.message
    assert raising.non_retryable

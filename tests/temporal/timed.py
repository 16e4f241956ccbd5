"""A weekly job of one short step, with FINRA's publication days as its schedule and its deadline."""

from datetime import timedelta

from domains.finra.publication import PublicationDays, week_published_on, weeks_before
from spine_temporal import CalendarRule, Deadline, Pipeline, Schedule, Step, Workflow, register_pipeline

TIER = "OTC"
NEW_YORK = "America/New_York"
#: What the source has of a week now; 1 where nothing is said.
REVISIONS: dict[str, int] = {}


@register_pipeline("timed.load")
class Load(Pipeline):
    """Takes what the source has."""

    @classmethod
    def fingerprint(cls, params):
        return {"revision": REVISIONS.get(params["week_ending"], 1)}

    def run(self):
        return {"revision": REVISIONS.get(self.params["week_ending"], 1)}


def weekly_check(scheduled, calendar):
    return [{"week_ending": week.isoformat()} for week in weeks_before(week_published_on(scheduled.date(), TIER), 2)]


def newest(scheduled, calendar):
    return {"week_ending": week_published_on(scheduled.date(), TIER).isoformat()}


WEEKLY = Workflow(
    name="timed.weekly",
    partition_by=("week_ending",),
    steps=[Step.pipeline("load", "timed.load", local=True)],
)

WAITING = Workflow(
    name="timed.waiting",
    partition_by=("week_ending",),
    steps=[Step.wait("night", 86_400), Step.pipeline("load", "timed.load")],
)


def one_and_a_refused_one(scheduled, calendar):
    return [newest(scheduled, calendar), {"week": "which?"}]


WAITING_SCHEDULE = Schedule(
    name="timed.waiting",
    workflow=WAITING,
    cron="5 6 * * MON",
    params=one_and_a_refused_one,
    overlap="cancel_other",
    catch_up=timedelta(days=1),
)

SCHEDULE = Schedule(
    name="timed.weekly",
    workflow=WEEKLY,
    calendar=PublicationDays(),
    at="06:05",
    time_zone=NEW_YORK,
    params=weekly_check,
    catch_up=timedelta(days=7),
)

DEADLINE = Deadline(
    workflow=WEEKLY,
    by=CalendarRule(calendar=PublicationDays(), at="12:00", time_zone=NEW_YORK),
    params=newest,
)

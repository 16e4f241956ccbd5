"""Which steps a worker plans within the workflow task: those it has seen to take moments, and that say nothing else."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from spine_temporal import Limit, Step, StepResult, Workflow
from spine_temporal.machine.planning import plan_of
from spine_temporal.runtime.brief_steps import BRIEF, SEEN, BriefSteps
from spine_temporal.translation.pipeline_messages import StepDone

AT = datetime(2026, 11, 24, tzinfo=UTC)
WORKFLOW = Workflow(
    name="w",
    steps=[
        Step.pipeline("plain", "p"),
        Step.lambda_("gate", lambda ctx, config: StepResult.ok()),
        Step.pipeline("never", "p", local=False),
        Step.pipeline("local", "p", local=True),
        Step.pipeline("elsewhere", "p", task_queue="big"),
        Step.pipeline("limited", "p", limit=Limit("source", concurrency=1)),
        Step.parallel("both", [Step.pipeline("beside", "p"), Step.pipeline("other", "p")]),
    ],
)
NAMES = ("plain", "never", "local", "elsewhere", "limited", "beside", "other")


def attempt(step, workflow="w", *, whole=True, item=False):
    """What is asked of an attempt; no more of one is needed here."""
    request = SimpleNamespace(key=SimpleNamespace(workflow=workflow), step=step, is_item=item)
    return SimpleNamespace(request=request, is_one_transaction=whole)


def done(seconds, **more):
    return StepDone(step="any", started_at=AT, completed_at=AT + timedelta(seconds=seconds), **more)


def brief(seen):
    planned = seen.planned(WORKFLOW, plan_of(WORKFLOW)).steps
    return [
        step.name for outer in planned for step in (outer, *getattr(outer, "steps", ())) if getattr(step, "brief", 0)
    ]


def test_a_step_is_brief_after_five_brief_executions_unless_it_says_where_or_when_it_runs():
    seen = BriefSteps()
    for number in range(SEEN):
        assert brief(seen) == [], number
        for name in NAMES:
            seen.note(attempt(name), done(BRIEF))
    assert brief(seen) == ["plain", "beside", "other"]


def test_one_that_failed_or_took_longer_is_brief_again_after_five_more():
    for last in (None, done(BRIEF + 0.01)):
        seen = BriefSteps()
        for outcome in [done(0)] * SEEN + [last] + [done(0)] * (SEEN - 1):
            seen.note(attempt("plain"), outcome)
        assert brief(seen) == []
        seen.note(attempt("plain"), done(0))
        assert brief(seen) == ["plain"]


def test_what_another_run_did_says_nothing_and_what_commits_in_parts_is_never_brief():
    seen = BriefSteps()
    for _ in range(SEEN):
        seen.note(attempt("plain"), done(0, kept_from="earlier"))
        seen.note(attempt("plain", item=True), done(0))
        seen.note(attempt("plain", workflow="another"), done(0))
    assert brief(seen) == []
    for _ in range(SEEN):
        seen.note(attempt("plain", whole=False), done(0))
    assert brief(seen) == []

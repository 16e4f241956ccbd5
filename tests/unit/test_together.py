"""Brief steps that are asked for in the same moment: which go together, and what a stop leaves of them."""

import asyncio

import pytest

from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.run_key import RunKey
from spine_temporal.machine.plan import PlannedRetry
from spine_temporal.translation import calls
from spine_temporal.translation.calls import Ran
from spine_temporal.translation.pipeline_messages import PipelineRequest, StepDone
from spine_temporal.translation.step_messages import StepsDone
from spine_temporal.translation.together import Together

KEY = RunKey(run_id="run", workflow="w", workflow_id="w/1", domain="d", partition={})


def asked(step, **params):
    return PipelineRequest(
        key=KEY,
        step=step,
        pipeline="p",
        stage="P",
        stage_rank=1,
        params=params,
        retry=PlannedRetry(),
        on_error=ErrorPolicy.STOP,
        timeout=10,
        heartbeat_timeout=10,
        is_brief=True,
    )


def done_of(*steps):
    return StepsDone(done={step: StepDone(step=step) for step in steps})


@pytest.fixture
def groups(monkeypatch):
    """The groups that were asked for; each is done at once."""
    names = []

    async def run_steps(request):
        names.append([step.step for step in request.steps])
        return done_of(*names[-1])

    monkeypatch.setattr(calls, "run_steps", run_steps)
    return names


async def test_those_of_one_moment_go_together_and_one_by_itself_is_no_group(groups):
    together = Together()
    first = await asyncio.gather(*(together.run(asked(step)) for step in "abc"))
    assert all(isinstance(one, Ran) for one in first)
    alone = await together.run(asked("d"))
    assert (groups, alone.step, alone.is_brief) == ([["a", "b", "c"]], "d", False)


async def test_what_is_too_large_for_one_request_goes_by_itself(groups):
    together, large = Together(), {"text": "x" * 100_000}
    ran = await asyncio.gather(*(together.run(asked(step, **large)) for step in "abcd"))
    assert groups == [["a", "b"]]
    assert [isinstance(one, Ran) for one in ran] == [True, True, False, False]


async def test_a_step_that_is_stopped_twice_is_told_what_it_had_done_and_those_beside_it_go_on(monkeypatch):
    begun, ends = asyncio.Event(), asyncio.Event()

    async def run_steps(request):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await ends.wait()  # as an activity does that is being cancelled
        return done_of("a")

    monkeypatch.setattr(calls, "run_steps", run_steps)
    together = Together()
    tasks = [asyncio.ensure_future(together.run(asked(step))) for step in "abc"]
    await begun.wait()
    for _ in range(2):
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.sleep(0)
    ends.set()
    ran = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(ran[0], Ran)
    assert isinstance(ran[1], asyncio.CancelledError)
    assert (ran[2].step, ran[2].was_tried_locally) == ("c", False)


def test_the_id_of_a_group_is_short_enough_for_temporal():
    assert calls.group_id(["a", "b"]) == "a+b"
    names = [f"{number:03}{'n' * 97}" for number in range(12)]
    assert calls.group_id(names) == f"{names[0]}+11"

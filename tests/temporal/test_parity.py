"""The machine's two drivers give the same result for the same workflow."""

import asyncio
from collections import Counter
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spine_temporal import ErrorCategory, ErrorPolicy
from spine_temporal.definition.run_result import Decision
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.worker import running_worker
from spine_temporal.testing.in_process import run_in_process
from spine_temporal.translation.classes import Source
from tests.temporal import generated, specs

#: What may differ: times and ids.
SAME = (
    "status",
    "completed_steps",
    "skipped_steps",
    "failed_steps",
    "error_step",
    "error",
    "error_category",
    "outputs",
)

CATEGORY = st.sampled_from([category.value for category in generated.CATEGORIES])
#: The policies of a pipeline, and of what consists of others: a gate alone is held.
PIPELINES = st.sampled_from([policy.value for policy in ErrorPolicy if policy is not ErrorPolicy.HOLD])
WHOLES = st.sampled_from(["STOP", "CONTINUE"])
#: A run goes on for a while where most steps succeed.
DOES = st.one_of(st.sampled_from(["count", "empty", "result", "nothing"]), st.sampled_from(["flaky", *generated.FAILS]))
CHILD_DOES = st.one_of(st.sampled_from(["count", "nothing"]), st.sampled_from(generated.FAILS))
GATE_CATEGORY = st.sampled_from(["QUALITY_GATE", "TRANSIENT", "OF_OUR_OWN"])


def kind(name, **fields):
    return st.fixed_dictionaries({"kind": st.just(name), **fields})


STEP = st.one_of(
    kind(
        "pipeline",
        does=DOES,
        category=CATEGORY,
        on_error=PIPELINES,
        tries=st.integers(1, 3),
        local=st.booleans(),
    ),
    kind(
        "gate",
        does=st.sampled_from(["ok", "ok", "reads", "fail", "raise", "none", "route"]),
        category=GATE_CATEGORY,
        on_error=WHOLES,
        to=st.integers(1, 3),
    ),
    kind("wait"),
    kind("wait_for"),
    kind(
        "parallel",
        does=st.lists(st.sampled_from(["count", "flaky", "fails", "raises", "gate", "wait"]), min_size=1, max_size=3),
        category=CATEGORY,
        at_once=st.sampled_from([1, None]),
        inner=PIPELINES,
        tries=st.integers(1, 2),
        on_error=WHOLES,
    ),
    kind(
        "map",
        of=st.sampled_from(["pipelines", "pipelines", "runs"]),
        does=CHILD_DOES,
        category=CATEGORY,
        inner=PIPELINES,
        count=st.integers(1, 3),
        tolerated=st.integers(0, 2),
        on_error=WHOLES,
    ),
    kind("workflow", does=CHILD_DOES, category=CATEGORY, on_error=WHOLES),
    kind(
        "held",
        does=st.sampled_from(["fail", "raise", "ok"]),
        category=GATE_CATEGORY,
        decision=st.sampled_from(["waive", "waive", "abort"]),
    ),
    kind("choice", answer=st.booleans(), more=st.integers(0, 1), **{"else": st.booleans()}),
)
SPECS = st.lists(st.lists(STEP, min_size=1, max_size=7), min_size=12, max_size=12)


def in_process(workflow):
    attempts = Counter()

    def work(params):
        attempts[params.get("step")] += 1
        return generated.answer(params, attempts[params.get("step")])

    def decide(step):
        action = workflow.step(step).at_deadline
        return Decision(action=action, by="deadline", reason="nobody decided within 0.05 s")

    return run_in_process(workflow, {"unique": 1}, {"generated.work": work}, decide=decide)


def attempts_of(result):
    return {step.step_name: step.attempt for step in result.step_executions}


@pytest.fixture
def compared(temporal, database, tmp_path, monkeypatch):
    async def compare(batch):
        workflows = generated.make(batch, uuid4().hex[:8])
        specs.write(tmp_path / "specs.json")
        monkeypatch.setenv(specs.VARIABLE, str(tmp_path / "specs.json"))
        await _compare(temporal, database, workflows)

    return compare


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_generated_workflows_end_the_same_in_process_and_on_temporal(compared, seed):
    batches = []

    @settings(max_examples=4, database=None, derandomize=True, deadline=None)
    @given(SPECS)
    def collect(batch):
        batches.append(batch)

    collect()  # the first is the simplest that there is
    await compared(batches[seed])


async def test_each_failure_under_each_policy_is_tried_as_often_in_process_and_on_temporal(compared):
    policies = [policy.value for policy in ErrorPolicy if policy is not ErrorPolicy.HOLD]
    batch = []
    for number, (policy, category) in enumerate(product(policies, generated.CATEGORIES)):
        does = ("flaky", "fails")[(number + number // len(generated.CATEGORIES)) % 2]
        step = {"kind": "pipeline", "does": does, "category": category.value, "on_error": policy, "tries": 2}
        batch.append([step | {"local": number % 3 == 0}])
    await compared(batch)


async def _compare(temporal, database, workflows):
    definitions = Definitions(
        workflows={
            workflow.name: (workflow, Source(module=generated.__name__, attribute=workflow.name.replace(".", "_")))
            for workflow in workflows
        }
        | {"generated.sub": (generated.SUB, Source(module=generated.__name__, attribute="SUB"))},
        pipelines=generated.PIPELINES,
    )
    queue = f"parity-{uuid4().hex[:8]}"
    async with running_worker(
        temporal, database, definitions, task_queue=queue, max_activities=10, passed_through=(generated.SPECS_MODULE,)
    ):
        from spine_temporal import SpineClient

        client = SpineClient(temporal, task_queue=queue)
        await client.execute(generated.SUB, {"unique": generated.READY, "does": "count"})
        results = await asyncio.gather(*(client.execute(workflow, {"unique": workflow.name}) for workflow in workflows))
    for workflow, durable in zip(workflows, results, strict=True):
        local = in_process(workflow)
        for name in SAME:
            assert getattr(durable, name) == getattr(local, name), (name, [step.name for step in workflow.steps])
        assert attempts_of(durable) == attempts_of(local)


def test_generated_pipelines_fail_with_categories_that_are_tried_again_and_with_others():
    assert {category.retryable for category in generated.CATEGORIES} == {True, False}
    assert set(ErrorCategory) - set(generated.CATEGORIES) == {ErrorCategory.CLAIM_LOST, ErrorCategory.STATE_LOST}

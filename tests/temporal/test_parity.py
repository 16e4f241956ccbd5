"""The machine's two drivers give the same result for the same workflow."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spine_temporal import ErrorCategory, SpineError
from spine_temporal.definition.run_result import Decision
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.worker import running_worker
from spine_temporal.testing.in_process import run_in_process
from spine_temporal.translation.classes import Source
from tests.temporal import generated, specs

#: What may differ: times, ids, and how often an INTERNAL failure was tried.
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

STEP = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.just("pipeline"),
            "does": st.sampled_from(["count", "count", "empty", "quality", "not_json"]),
            "on_error": st.sampled_from(["STOP", "CONTINUE"]),
            "local": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("gate"),
            "does": st.sampled_from(["ok", "ok", "reads", "fail", "raise", "none", "route"]),
            "on_error": st.sampled_from(["STOP", "CONTINUE"]),
            "to": st.integers(1, 3),
        }
    ),
    st.fixed_dictionaries({"kind": st.sampled_from(["wait", "wait_for"])}),
    st.fixed_dictionaries(
        {
            "kind": st.just("parallel"),
            "does": st.lists(st.sampled_from(["count", "quality", "gate"]), min_size=1, max_size=3),
            "at_once": st.sampled_from([1, None]),
            "on_error": st.sampled_from(["STOP", "CONTINUE"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("map"),
            "does": st.sampled_from(["count", "quality"]),
            "count": st.integers(1, 4),
            "on_error": st.sampled_from(["STOP", "CONTINUE"]),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("workflow"),
            "does": st.sampled_from(["count", "quality"]),
            "on_error": st.sampled_from(["STOP", "CONTINUE"]),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("held"), "decision": st.just("waive")}),
    st.fixed_dictionaries(
        {"kind": st.just("choice"), "answer": st.booleans(), "else": st.booleans(), "more": st.integers(0, 1)}
    ),
)
SPECS = st.lists(st.lists(STEP, min_size=1, max_size=7), min_size=12, max_size=12)


def in_process(workflow):
    def work(params):
        return generated.answer(params["does"])

    def decide(_step):
        return Decision(action="waive", by="deadline", reason="nobody decided within 0.05 s")

    return run_in_process(workflow, {"unique": 1}, {"generated.work": work}, decide=decide)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_generated_workflows_end_the_same_in_process_and_on_temporal(
    temporal, database, seed, tmp_path, monkeypatch
):
    batches = []

    @settings(max_examples=4, database=None, derandomize=True, deadline=None)
    @given(SPECS)
    def collect(batch):
        batches.append(batch)

    collect()
    for batch in batches[:seed][-1:]:
        workflows = generated.make(batch, uuid4().hex[:8])
        specs.write(tmp_path / "specs.json")
        monkeypatch.setenv(specs.VARIABLE, str(tmp_path / "specs.json"))
        await _compare(temporal, database, workflows)


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


def test_the_categories_that_generated_pipelines_use_are_terminal():
    with pytest.raises(SpineError) as error:
        generated.answer("quality")
    assert error.value.category is ErrorCategory.DATA_QUALITY

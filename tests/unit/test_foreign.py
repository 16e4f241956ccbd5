"""Definitions that were made with a real Spine's classes, as ours."""

import sys
from types import ModuleType

import pytest

from spine_temporal import DefinitionError, ErrorPolicy, SpineError, Workflow, register_pipeline
from spine_temporal.checks import find_nondeterminism, outputs_read
from spine_temporal.definition.foreign import native
from spine_temporal.definition.foreign_registry import foreign_pipelines, heed_pauses
from spine_temporal.definition.pipeline import PipelineStatus, registration_paused
from spine_temporal.machine.pipeline_answer import answer_of
from spine_temporal.runtime.foreign_pipelines import known_pipelines
from spine_temporal.testing.in_process import run_in_process
from spine_temporal.translation.classes import Source
from spine_temporal.translation.translate import source_of
from tests.fake_spine.spine import core
from tests.fake_spine.spine import orchestration as real
from tests.fake_spine.spine.framework import pipelines as real_pipelines


def check(ctx, config):
    rows = ctx.get_output("ingest", "pipeline_result")["metrics"]["row_count"]
    if rows < config["least"]:
        return real.StepResult.fail("Too few records", real.ErrorCategory.DATA_QUALITY, output={"rows": rows})
    return real.StepResult.ok(output={"validated": True}, quality=real.QualityMetrics(record_count=rows))


def workflow_of(*steps, **fields):
    return real.Workflow("shop.prices", list(steps), **fields)


def ran(workflow, params=None, **pipelines):
    return run_in_process(native(workflow), params or {}, {f"shop.{name}": does for name, does in pipelines.items()})


INGEST = real.Step.pipeline("ingest", "shop.ingest", {"source": "api"})
CHECK = real.Step.lambda_("check", check, {"least": 3})


def test_a_foreign_workflow_has_the_same_fields_and_is_one_workflow_each_time_it_is_asked_for():
    foreign = workflow_of(INGEST, CHECK, domain="shop", description="Prices", version=2, defaults={"a": 1}, tags=["x"])
    ours = native(foreign)
    assert (ours.name, ours.domain, ours.description, ours.version) == ("shop.prices", "shop", "Prices", 2)
    assert (ours.defaults, ours.tags) == ({"a": 1}, ("x",))
    assert [(step.name, step.on_error) for step in ours.steps] == [
        ("ingest", ErrorPolicy.STOP),
        ("check", ErrorPolicy.STOP),
    ]
    assert native(foreign) is ours
    assert native(ours) is ours


@pytest.mark.parametrize("value", [None, 3, real.Workflow, real, workflow_of(), type("Workflow", (), {"steps": [1]})()])
def test_anything_else_is_none(value):
    assert native(value) is None


def test_it_is_found_where_it_is_defined_beside_one_that_cannot_be_run(monkeypatch):
    module, foreign = ModuleType("shop_jobs"), workflow_of(INGEST)
    module.BROKEN, module.PRICES = workflow_of(newer("late", depends_on=["early"])), foreign
    monkeypatch.setitem(sys.modules, "shop_jobs", module)
    assert source_of(native(foreign)) == Source(module="shop_jobs", attribute="PRICES")


def test_its_gate_answers_with_its_own_classes():
    done = ran(workflow_of(INGEST, CHECK), ingest={"row_count": 3})
    assert (done.status, done.outputs["check"]) == ("COMPLETED", {"validated": True})
    failed = ran(workflow_of(INGEST, CHECK), ingest={"row_count": 2})
    assert (failed.error_step, failed.error, failed.error_category) == ("check", "Too few records", "DATA_QUALITY")


def test_its_step_params_win_over_the_runs():
    given = []
    ran(workflow_of(INGEST), {"source": "file", "day": 1}, ingest=lambda params: given.append(params) or {})
    assert given == [{"source": "api", "day": 1}]


@pytest.mark.parametrize(("is_full", "taken"), [(True, "full"), (False, "part")])
def test_its_choice_runs_one_branch(is_full, taken):
    route = real.Step.choice("route", lambda ctx: ctx.params["full"], "full", "part")
    steps = [route, real.Step.pipeline("full", "shop.full"), real.Step.pipeline("part", "shop.part")]
    done = ran(workflow_of(*steps), {"full": is_full}, full={}, part={})
    assert done.completed_steps == ["route", taken]


def test_its_map_runs_its_workflow_for_each_item():
    inner = real.Workflow("shop.one", [real.Step.pipeline("one", "shop.one")])
    each = real.Step.map("each", "days", inner, max_concurrency=2, item_param="day")
    given = []
    done = ran(workflow_of(each), {"days": [1, 2]}, one=lambda params: given.append(params["day"]) or {})
    assert (done.outputs["each"]["completed"], sorted(given)) == (2, [1, 2])
    assert isinstance(native(inner), Workflow)


def test_its_retry_policy_and_its_wait_are_ours():
    tried = real.Step.pipeline("ingest", "shop.ingest", on_error=real.ErrorPolicy.RETRY)
    tried.retry_policy = real.RetryPolicy(5, 2.0, 3.0, 30.0)
    step, wait = native(workflow_of(tried, real.Step.wait("pause", 60))).steps
    policy = step.retry
    assert (policy.max_attempts, policy.initial_interval, policy.backoff, policy.max_interval) == (5, 2.0, 3.0, 30.0)
    assert (step.on_error, wait.duration) == (ErrorPolicy.RETRY, 60)


def test_params_that_a_gate_would_change_fail_it_with_what_to_do():
    def setting(ctx, config):
        return real.StepResult.ok(context_updates={"tier": "OTC"})

    failed = ran(workflow_of(real.Step.lambda_("set", setting)))
    assert failed.error_category == "CONFIGURATION"
    assert failed.error.startswith("the gate sets context_updates (tier): params do not change in a run; put them into")


def newer(name, **fields):
    step = real.Step.pipeline(name, "shop.ingest")
    for field, value in fields.items():
        setattr(step, field, value)
    return step


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (
            newer("join", step_type="barrier"),
            "is of the kind 'barrier': of Spine's own kinds, pipeline,",
        ),
        (newer("late", depends_on=["early"]), "has depends_on: steps run in the order of the list"),
        (real.Step.wait("pause", 60, next_step="end"), "wait 'pause' has next_step='end'"),
        (real.Step.lambda_("check", None), "handler must be a function"),
    ],
)
def test_what_a_run_could_not_keep_is_refused(step, told):
    with pytest.raises(DefinitionError, match=r"."):
        native(workflow_of(step))
    with pytest.raises(DefinitionError) as refused:
        native(workflow_of(step))
    assert told in str(refused.value)


def test_an_operation_of_newer_spines_is_a_pipeline():
    step = newer("ingest", step_type="operation", pipeline_name=None, operation_name="shop.newer")
    assert native(workflow_of(step)).steps[0].pipeline == "shop.newer"


class Reading:
    def __call__(self, ctx, config):
        return open(ctx.get_output("nothing"))


def test_its_gates_are_checked_as_ours_are_also_where_they_are_objects():
    gate = native(workflow_of(CHECK)).steps[0].handler
    assert list(outputs_read(gate)) == ["ingest"]
    opening = native(workflow_of(real.Step.lambda_("read", Reading()))).steps[0].handler
    assert [finding.call for finding in find_nondeterminism(opening)] == ["builtins.open"]


@pytest.fixture
def registry(monkeypatch):
    """A real Spine's registry, loaded under its name."""
    module = ModuleType("spine.framework.registry")
    with open("tests/fake_spine/spine/framework/registry.py") as file:
        exec(file.read(), vars(module))
    monkeypatch.setitem(sys.modules, "spine.framework.registry", module)
    return module


class Ingest(real_pipelines.Pipeline):
    """Fetch."""

    def validate_params(self):
        if "day" not in self.params:
            raise core.ValidationError("day is missing")

    def run(self):
        if self.params["day"] == "away":
            raise core.TransientError("the source is away")
        if self.params["day"] == "bad":
            return real_pipelines.PipelineResult(real_pipelines.PipelineStatus.FAILED, None, error="a bad day")
        return real_pipelines.PipelineResult(real_pipelines.PipelineStatus.COMPLETED, None, metrics={"row_count": 3})


def test_without_a_real_registry_there_are_our_pipelines_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "spine.framework.registry", raising=False)
    assert foreign_pipelines() == {}
    import spine.framework.registry as of_ours

    assert of_ours.register_pipeline is register_pipeline
    assert foreign_pipelines() == {}


def test_a_pipeline_of_a_real_registry_runs_as_ours(registry):
    registry.register_pipeline("foreign.ingest")(Ingest)
    found = known_pipelines()["foreign.ingest"]
    assert (found.__name__, found.__module__, found.__doc__, found.name) == (
        "Ingest", __name__, "Fetch.", "foreign.ingest",
    )  # fmt: skip
    answer = found({"day": "today"}).run()
    assert (answer.status, answer.metrics) == (PipelineStatus.COMPLETED, {"row_count": 3})
    failed = answer_of(found({"day": "bad"}).run(), step="ingest", pipeline="foreign.ingest")
    assert str(failed.failure) == "a bad day"


@pytest.mark.parametrize(
    ("params", "category", "told"),
    [({"day": "away"}, "TRANSIENT", "the source is away"), ({}, "DATA_QUALITY", "day is missing")],
)
def test_an_error_of_its_classes_has_the_category_that_it_comes_to(registry, params, category, told):
    registry.register_pipeline("foreign.ingest")(Ingest)
    with pytest.raises(SpineError, match=told) as raised:
        known_pipelines()["foreign.ingest"](params).run()
    assert raised.value.category == category


def test_a_name_that_both_registries_have_is_refused(registry, monkeypatch):
    registry.register_pipeline("both.ingest")(Ingest)
    ours = "spine_temporal.runtime.foreign_pipelines.registered_pipelines"
    monkeypatch.setattr(ours, lambda: {"both.ingest": Ingest})
    with pytest.raises(DefinitionError, match=r"pipeline 'both.ingest' is registered twice: by .*, with Spine's own"):
        known_pipelines()


def test_its_decorator_heeds_that_a_module_is_loaded_a_second_time(registry):
    registry.register_pipeline("foreign.ingest")(Ingest)
    heed_pauses()
    heed_pauses()
    with registration_paused():
        assert registry.register_pipeline("foreign.ingest")(Ingest) is Ingest
    with pytest.raises(ValueError, match="already registered"):
        registry.register_pipeline("foreign.ingest")(Ingest)

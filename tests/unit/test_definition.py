"""A definition that cannot work is refused when it is made, in a sentence that says what to do."""

import pytest
from pydantic import BaseModel

from spine_temporal import (
    DefinitionError,
    ErrorPolicy,
    Pipeline,
    RetryPolicy,
    Step,
    StepResult,
    Workflow,
    register_pipeline,
)
from spine_temporal.runtime.definitions import Definitions, checked
from spine_temporal.translation.classes import Source


def gate(ctx, config):
    return StepResult.ok()


def pipe(name):
    return Step.pipeline(name, "p")


def always(ctx):
    return True


class Params(BaseModel):
    day: str


SUB = Workflow(name="sub", steps=[Step.pipeline("a", "p"), Step.pipeline("b", "p")])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Workflow(name="", steps=[pipe("a")]), "workflow name '' must be"),
        (lambda: Workflow(name="w", steps=[]), "has no steps"),
        (lambda: Step.parallel("p", []), "parallel 'p' has no steps: give a list with at least one"),
        (
            lambda: Step.parallel("p", [Step.choice("c", always, "a")]),
            "parallel 'p' cannot hold a choice: give it pipelines",
        ),
        (lambda: Step.parallel("p", [pipe("a")], max_concurrency=0), "max_concurrency must be a whole number from 1"),
        (
            lambda: Workflow(name="w", steps=[pipe("a"), Step.parallel("p", [pipe("a")])]),
            "two steps with the name 'a': give each its own",
        ),
        (lambda: Step.pipeline("a", "p", on_error="HOLD"), "only a gate can be held"),
        (lambda: Step.parallel("p", [pipe("a")], on_error="HOLD"), "only a gate can be held"),
        (lambda: Step.parallel("p", [pipe("a")], on_error="RETRY"), "is not tried again as a whole"),
        (lambda: Step.lambda_("g", gate, on_error="HOLD", at_deadline="pass"), "at_deadline must be abort or waive"),
        (lambda: Step.map("m", "", SUB), "map 'm' has no items: name a param"),
        (lambda: Step.map("m", 5, SUB), "map 'm': items must be a param's name"),
        (lambda: Step.map("m", "items", "sub"), "iterator_workflow must be a Workflow, not 'sub'"),
        (lambda: Step.map("m", "items", SUB, item_param="a b"), "item_param must be the name of a param"),
        (lambda: Step.map("m", "items", SUB, tolerated_failures=1.5), "tolerated_failures must be a count"),
        (
            lambda: Workflow(name="w", steps=[Step.map("m", "x.weeks", SUB)]),
            "items 'x.weeks' names no step of this workflow; it has m",
        ),
        (
            lambda: Workflow(name="w", steps=[Step.map("m", "a.weeks", SUB), pipe("a")]),
            "reads the output of 'a', which cannot have run before it: move 'a' in front of it",
        ),
        (
            lambda: Workflow(name="w", params_model=Params, steps=[Step.map("m", "weeks", SUB)]),
            "items names the param 'weeks', which is no field of Params; it has day",
        ),
        (lambda: Step.workflow("s", "sub"), "workflow must be a Workflow, not 'sub'"),
        (
            lambda: Workflow(name="sub", steps=[Step.workflow("s", SUB)]),
            "workflow 'sub' runs itself: sub > sub; take the step out",
        ),
        (lambda: Step.wait_for("f", "w", []), "partition must be a dict of params, or a list with at least one"),
        (lambda: Step.wait_for("f", "", {"a": 1}), "must name the workflow that it waits for"),
        (
            lambda: Workflow(name="w", steps=[pipe("a")], on_failure=[Step.wait("x", 1)]),
            "on_failure must be a list of pipeline steps",
        ),
        (lambda: Step.wait("w"), "give duration_seconds or until, and not both"),
        (lambda: Step.wait("w", 5, until="2025-11-28T13:00:00Z"), "give duration_seconds or until, and not both"),
        (lambda: Step.wait("w", -1), "must be a positive number of seconds"),
        (lambda: Step.wait("w", until="soon"), "until 'soon' must be a time in ISO 8601"),
        (lambda: Step.wait("w", until="2025-11-28T13:00:00"), "has no time zone"),
        (lambda: Workflow(name="w", steps="abc"), "has no steps"),
        (lambda: Workflow(name="w", steps=["a"]), "is no step"),
        (lambda: Workflow(name="w", steps=[pipe("a"), pipe("a")]), "two steps with the name 'a'"),
        (lambda: Workflow(name="w", steps=[pipe("a.b"), pipe("a_b")]), "two steps with the stage 'STEP_A_B'"),
        (lambda: Workflow(name="w", version=0, steps=[pipe("a")]), "version must be a whole number"),
        (lambda: Workflow(name="w", steps=[pipe("a")], partition_by="day"), "must be a list of param names"),
        (
            lambda: Workflow(name="w", steps=[pipe("a")], partition_by=["dya"], params_model=Params),
            "partition_by names 'dya', which is no field of Params",
        ),
        (lambda: Workflow(name="w", steps=[pipe("a")], defaults={"x": {1}}), "which is not JSON"),
        (lambda: pipe("no spaces"), "step name 'no spaces' must be"),
        (lambda: Step.pipeline("a", ""), "must name its pipeline"),
        (lambda: Step.pipeline("a", "p", {"x": float("nan")}), "is nan, which JSON cannot hold"),
        (lambda: Step.pipeline("a", "p", on_error="IGNORE"), "on_error must be one of STOP, CONTINUE, RETRY"),
        (lambda: Step.pipeline("a", "p", timeout=-1), "timeout must be a positive number"),
        (lambda: Step.pipeline("a", "p", stage="COMPLETED"), "none of the run's own"),
        (lambda: Step.lambda_("a", "gate"), "handler must be a function"),
        (lambda: Step.lambda_("a", gate, on_error=ErrorPolicy.RETRY), "on_error=RETRY cannot help"),
        (lambda: RetryPolicy(max_attempts=0), "max_attempts must be a number of at least 1"),
        (lambda: RetryPolicy(max_attempts=2.5), "max_attempts must be a whole number, not 2.5"),
        (lambda: RetryPolicy(backoff=float("inf")), "backoff must be a number of at least 1, not inf"),
        (
            lambda: Workflow(name="w", steps=[Step.choice("c", always, "x"), pipe("a")]),
            "then_step 'x' is no step of this workflow; it has c, a",
        ),
        (
            lambda: Workflow(name="w", steps=[pipe("a"), Step.choice("c", always, "a")]),
            "then_step 'a' lies before it",
        ),
        (
            lambda: Workflow(name="w", steps=[Step.choice("c", always, "a", "a"), pipe("a")]),
            "there is nothing to choose",
        ),
        (
            lambda: Workflow(name="w", steps=[Step.choice("c", always, "a", "b", join="a"), pipe("a"), pipe("b")]),
            "join 'a' must come after both of its branches",
        ),
        (
            lambda: Workflow(name="w", steps=[Step.choice("c", always, "b"), pipe("a"), pipe("b")]),
            "step 'a' can never run",
        ),
        (
            lambda: Workflow(
                name="w",
                steps=[
                    Step.choice("outer", always, "inner", "b"),
                    Step.choice("inner", always, "a", "b"),
                    pipe("a"),
                    pipe("b"),
                ],
            ),
            "stands in a branch of choice 'outer' and leaves it",
        ),
        (lambda: register_pipeline("")(Pipeline), "must be a non-empty string"),
        (lambda: register_pipeline("x")(object), "must be a subclass of Pipeline"),
        (lambda: register_pipeline("x")(type("Rnu", (Pipeline,), {})), "pipeline 'x': Rnu has no run(): write one"),
    ],
)
def test_a_wrong_definition_says_what_to_do(make, words):
    with pytest.raises(DefinitionError) as error:
        make()
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_two_classes_cannot_have_one_pipeline_name():
    @register_pipeline("unit.twice")
    class One(Pipeline):
        def run(self):
            return {}

    with pytest.raises(DefinitionError, match="is registered twice"):

        @register_pipeline("unit.twice")
        class Two(One):
            pass


def test_a_step_has_a_stage_of_its_name_or_its_own():
    assert pipe("load-it").stage == "STEP_LOAD_IT"
    assert Step.pipeline("a", "p", stage="INGESTED").stage == "INGESTED"


def test_a_definition_cannot_be_changed():
    workflow = Workflow(name="w", steps=[pipe("a")])
    with pytest.raises(AttributeError):
        workflow.name = "other"
    with pytest.raises(TypeError):
        workflow.steps[0].params["x"] = 1


@register_pipeline("definition.reads")
class Reads(Pipeline):
    """Does nothing."""

    def run(self):
        return {}


def reads_later(ctx, config):
    return StepResult.ok(output={"rows": ctx.get_output("later", "row_count", 0)})


@pytest.mark.parametrize(
    "steps",
    [
        [Step.lambda_("g", reads_later), Step.pipeline("later", "definition.reads")],
        [Step.parallel("p", [Step.lambda_("g", reads_later), Step.pipeline("later", "definition.reads")])],
        [
            Step.pipeline("g", "definition.reads", lambda ctx: {"n": ctx.get_output("later")}),
            Step.pipeline("later", "definition.reads"),
        ],
    ],
)
def test_code_that_reads_what_cannot_have_run_is_refused(steps):
    definitions = Definitions(
        workflows={"w": (Workflow(name="w", steps=steps), Source(module=__name__, attribute="W"))},
        pipelines={"definition.reads": Reads},
    )
    with pytest.raises(DefinitionError, match=r"'g' .* reads the output of 'later', which cannot have run"):
        checked(definitions)


@pytest.mark.parametrize(
    "code",
    [
        lambda ctx, config: StepResult.ok(output={"rows": ctx.get_output("ingset", "row_count", 0)}),
        lambda ctx, config: StepResult.ok() if ctx.has_output("ingset") else StepResult.fail("no"),
        lambda ctx, config: StepResult.ok(output=dict(ctx.output_as("ingset", Reads))),
    ],
)
def test_code_that_reads_the_output_of_an_unknown_step_is_refused_with_the_nearest_name(code):
    workflow = Workflow(name="w", steps=[Step.pipeline("ingest", "definition.reads"), Step.lambda_("check", code)])
    definitions = Definitions(
        workflows={"w": (workflow, Source(module=__name__, attribute="W"))}, pipelines={"definition.reads": Reads}
    )
    with pytest.raises(DefinitionError) as error:
        checked(definitions)
    head = (
        "step 'check' of workflow 'w' reads the output of 'ingset', which is no step of it (tests/unit/test_definition"
    )
    assert str(error.value).startswith(head)
    assert str(error.value).endswith(": it has ingest, check; did you mean 'ingest'?")

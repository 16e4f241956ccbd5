"""A digest of a step's code changes with what the code says, and with nothing else."""

import functools

from spine_temporal import Step, StepResult, Workflow
from spine_temporal.checks import code_digests


def one(ctx, config):
    """Pass."""
    return StepResult.ok()


def digests(*steps):
    return code_digests(Workflow(name="w", steps=list(steps)))


def digest(handler):
    return digests(Step.lambda_("check", handler))["check.handler"]


def test_comments_docstrings_and_form_do_not_count():
    def written(ctx, config):
        # a comment
        return (
            StepResult
            .ok()
        )  # fmt: skip

    written.__name__ = written.__name__
    assert digest(written) == digest(one)


def test_what_a_function_says_counts():
    def other(ctx, config):
        return StepResult.ok(output={"rows": 1})

    assert digest(other) != digest(one)


def test_lambdas_on_one_line_are_told_apart():
    first, second = (
        Step.choice("c", lambda ctx: ctx.params["a"], "x"),
        Step.choice("c", lambda ctx: ctx.params["b"], "x"),
    )
    end = Step.lambda_("x", one)
    assert digests(first, end)["c.condition"] != digests(second, end)["c.condition"]


def test_partials_and_every_function_of_a_step_are_looked_at():
    assert digest(functools.partial(one)) == digest(one)
    computed = Step.pipeline("load", "p", params=lambda ctx: {"a": 1})
    assert digests(computed, Step.lambda_("check", one)).keys() == {"load.params", "check.handler"}

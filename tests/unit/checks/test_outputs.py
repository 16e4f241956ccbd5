"""Which outputs the code of a step reads, seen in its bytecode; nothing else is taken for one."""

import functools

import pytest

from spine_temporal.checks import outputs_read
from spine_temporal.checks.linter import check
from tests.unit.checks.cases import loaded

STEP = "constant"


class Other:
    def get_output(self, name):
        return name


OTHER = Other()


def _plain(ctx, config):
    return ctx.get_output("a", "key", 0) + ctx.get_output("b")["row_count"]


def _keywords(ctx, config):
    return ctx.get_output(step="a", key="no"), ctx.get_output("b", key="no", default=int("3"))


def _turned(ctx, config):
    return ctx.get_output(key="no", step="hidden")


def _inner(ctx, config):
    def within():
        return ctx.has_output("a")

    return within(), [ctx.output_as("b", object) for _ in range(3)], lambda: ctx.get_output(STEP)


def _others(ctx, config):
    mine = OTHER
    return OTHER.get_output("no"), mine.get_output("no"), config.get_output("no")


def _dynamic(ctx, config, name="no"):
    return ctx.get_output(config["step"]), ctx.get_output(f"{name}_1"), ctx.get_output(name)


def _limited(limit, ctx, config):
    return ctx.get_output("a", "rows", default=limit) > limit


class Gate:
    def __call__(self, ctx, config):
        return ctx.get_output("a")

    def method(self, ctx, config):
        return ctx.get_output("b")


def _wrapped(function):
    @functools.wraps(function)
    def wrapper(ctx, config):
        return function(ctx, config)

    return wrapper


@pytest.mark.parametrize(
    ("code", "steps"),
    [
        (_plain, {"a", "b"}),
        (_keywords, {"a", "b"}),
        (_turned, set()),
        (_inner, {"a", "b", "constant"}),
        (_others, set()),
        (_dynamic, set()),
        (functools.partial(_limited, 3), {"a"}),
        (Gate(), {"a"}),
        (Gate().method, {"b"}),
        (_wrapped(_plain), {"a", "b"}),
        (lambda ctx: ctx.get_output("a"), {"a"}),
        (lambda *given: given[0].get_output("no"), set()),
        (len, set()),
    ],
)
def test_the_steps_whose_outputs_are_read_of_the_context_are_found(code, steps):
    found = outputs_read(code)
    assert set(found) == steps
    assert all(where.startswith("tests/unit/checks/test_outputs.py:") for where in found.values())


RECORDED = """from spine_temporal import Step, StepResult, Workflow


def check(ctx, config):
    if ctx.get_output("any", "weeks") or ctx.get_output("ingest", "duration") or ctx.get_output("any", "days"):
        return StepResult.ok()
    return StepResult.fail("nothing")


DAILY = Workflow(
    name="shop.daily",
    steps=[Step.pipeline("ingest", "shop.ingest"), Step.pipeline("any", "shop.dynamic"), Step.lambda_("check", check)],
)
"""


def keys_missed(modules, recorded):
    findings = check(modules, recorded=recorded).findings
    return [each.message.partition("reads ")[2] for each in findings if each.code == "SPN404"]


@pytest.mark.usefixtures("shop")
def test_a_key_is_known_from_recorded_runs(tmp_path):
    recorded = {"shop.ingest": frozenset({"duration"}), "shop.dynamic": frozenset({"days"})}
    (tmp_path / "recorded.py").write_text(RECORDED)
    with loaded(tmp_path / "recorded.py") as modules:
        assert keys_missed(modules, {}) == ["'duration' of 'ingest', which gives error_count, row_count"]
        assert keys_missed(modules, recorded) == ["'weeks' of 'any', which gives days"]

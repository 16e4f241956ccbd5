"""Which outputs the code of a step reads, seen in its bytecode; nothing else is taken for one."""

import functools

import pytest

from spine_temporal.checks import outputs_read

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

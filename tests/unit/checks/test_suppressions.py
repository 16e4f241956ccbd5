"""A suppression takes the findings of its line, says why, and is told where it takes none."""

import pytest

from spine_temporal.checks.check_settings import CheckSettings
from tests.unit.checks.cases import checked, found

GATE = """from spine_temporal import Step, StepResult, Workflow

{above}
def check(ctx, config):
    print(*{{"a", "b"}}, list({{"c"}}), hash("d")){behind}
    return StepResult.fail("none") if ctx.params else StepResult.ok()


W = Workflow(name="shop.daily", steps=[Step.pipeline("a", "shop.aggregate"), Step.lambda_("check", check)])
"""
LINE = 5


@pytest.fixture
def findings_with(shop, tmp_path):
    def look(behind="", above="", settings=None):
        path = tmp_path / "suppressed.py"
        path.write_text(GATE.format(behind=behind, above=above))
        return found(checked(path, settings=settings))

    return look


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("", {"SPN102@5", "SPN109@5"}),
        ("  # spine: ignore[SPN109] in any order", {"SPN102@5"}),
        ("  # spine: ignore[SPN102, SPN109] a test", set()),
        ("  # spine:ignore[SPN102,SPN109]: a test", set()),
        ("  # spine: ignore[SPN102,SPN109]", {"SPN003@5"}),
        ("  # spine: ignore[SPN102,SPN109,SPN101] a test", {"SPN004@5"}),
        ("  # spine: ignore[SPN1, SPN102, SPN109] a test", {"SPN005@5"}),
        ("  # spine: ignore all", {"SPN102@5", "SPN109@5"}),
    ],
)
def test_a_comment_takes_its_codes_on_its_line(findings_with, comment, left):
    assert findings_with(comment) == left


def test_a_comment_that_stands_alone_is_of_the_line_below(findings_with):
    assert findings_with(above="# spine: ignore[SPN109] of the def") == {"SPN102@5", "SPN109@5", "SPN004@3"}


def test_what_is_written_like_a_comment_in_a_string_is_none(findings_with):
    assert findings_with('; print("# spine: ignore[SPN109] x")') == {"SPN102@5", "SPN109@5"}


def test_of_a_code_that_is_not_looked_for_no_suppression_is_left_over(findings_with):
    settings = CheckSettings(disable=frozenset({"SPN109"}))
    comment = "  # spine: ignore[SPN102, SPN109, SPN601] a test"
    assert findings_with(comment, settings=settings) == set()

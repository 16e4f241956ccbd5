"""What a project says of its checks; what is wrong there is told with its place."""

import pytest

from spine_temporal.checks.check_settings import CheckSettings
from spine_temporal.checks.codes import FindingSeverity
from spine_temporal.definition.errors import SpineError
from spine_temporal.settings import Settings
from tests.unit.checks.cases import CORPUS, checked


def test_nothing_said_is_the_default():
    assert CheckSettings.of({}, str) == CheckSettings()


def test_codes_are_left_out_and_graded(shop):
    settings = CheckSettings.of({"disable": ["SPN505"], "severity": {"SPN501": "hint"}}, str)
    report = checked(CORPUS / "bad_names.py", settings=settings)
    assert [(finding.code, finding.severity) for finding in report.findings] == [("SPN501", FindingSeverity.HINT)]
    assert not report.is_refused(strict=True)


def test_warnings_are_refused_where_it_is_strict(shop):
    report = checked(CORPUS / "bad_set_order.py")
    assert (report.is_refused(strict=False), report.is_refused(strict=True)) == (False, True)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([], "check is []: it must be a table"),
        (
            {"disabel": []},
            "check.disabel is unknown: allowed are disable, severity, tests, docs; did you mean 'disable'?",
        ),
        ({"disable": "SPN101"}, "check.disable is 'SPN101': it must be a list of strings"),
        ({"disable": ["SPN999"]}, "check.disable is 'SPN999': it must be a code of `check`, such as SPN404"),
        ({"severity": ["SPN101"]}, "check.severity is ['SPN101']: it must be a table such as"),
        (
            {"severity": {"SPN101": "grave"}},
            "SPN101 of check.severity is 'grave': it must be one of error, warning, hint",
        ),
        ({"severity": {"x": "hint"}}, "check.severity is 'x': it must be a code of `check`"),
        ({"tests": "tests"}, "check.tests is 'tests': it must be a list of strings"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(table, words):
    with pytest.raises(SpineError) as refused:
        CheckSettings.of(table, str)
    assert str(refused.value).startswith(words)


def test_the_table_is_no_setting_of_a_process(tmp_path):
    (tmp_path / "spine.toml").write_text('task_queue = "prices"\n[check]\ndisable = ["SPN101"]\n')
    assert Settings.from_environment({}, tmp_path).task_queue == "prices"

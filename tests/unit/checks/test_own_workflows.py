"""No false alarm: this service's workflows and the page's example are told of nothing but what tests they lack."""

import pytest

from spine_temporal.checks.codes import FindingSeverity
from spine_temporal.client.check import check_modules
from spine_temporal.settings import Settings
from tests.unit.test_walls import ROOT


@pytest.mark.parametrize(
    ("targets", "workflows"),
    [
        ([], {"weekly_refresh", "all_tiers", "backfill"}),
        (["tests/processes/seed_example.py"], {"weekly_refresh"}),
    ],
)
def test_what_is_good_is_left_alone(monkeypatch, targets, workflows):
    monkeypatch.chdir(ROOT)
    report = check_modules(targets, Settings.from_environment({}))
    assert report.workflows == len(workflows)
    assert {finding.severity for finding in report.findings} <= {FindingSeverity.HINT}
    assert all(finding.code.startswith("SPN6") for finding in report.findings)

"""The SARIF log has each finding at its place, under a rule that the log explains."""

from spine_temporal.checks.catalogue import CODES
from spine_temporal.checks.sarif import sarif_of
from tests.unit.checks.cases import CORPUS, checked


def test_a_finding_is_a_result_of_its_rule(shop):
    log = sarif_of(checked(CORPUS / "bad_set_order.py"), "1.2.3")
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert (log["version"], driver["name"], driver["version"]) == ("2.1.0", "spine-temporal", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == list(CODES)
    result = run["results"][0]
    assert (result["ruleId"], result["level"]) == ("SPN109", "warning")
    assert driver["rules"][result["ruleIndex"]]["id"] == "SPN109"
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "tests/unit/checks/corpus/bad_set_order.py"},
                "region": {"startLine": 9, "startColumn": 39},
            }
        }
    ]


def test_a_hint_is_a_note(shop):
    log = sarif_of(checked(CORPUS / "bad_only_passes.py"), "1.2.3")
    assert [result["level"] for result in log["runs"][0]["results"]] == ["note"]

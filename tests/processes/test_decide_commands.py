"""A gate that is held, from the command line: start --hold, why, waive, retry-step, abort."""

import json
from uuid import uuid4

from tests.processes.conftest import until

MODULES = "activities,workflows,tests.temporal.vocabulary"


def test_a_held_gate_is_understood_and_decided(spine, start_worker):
    start_worker(SPINE_MODULES=MODULES)

    def typed(*arguments):
        return spine(*arguments, SPINE_MODULES=MODULES)

    identity = typed("start", "vocabulary.strict", "-p", f"test={uuid4().hex}", "--hold").stdout.strip()
    until(lambda: typed("why", identity).stdout.startswith("held: "))
    why = typed("why", identity)
    assert "`check` is held for a person (QUALITY_GATE: 1 rows are too few)" in why.stdout

    for arguments, message in (
        (("waive", identity, "check"), "--reason TEXT is missing"),
        (("waive", identity, "ingest", "--by", "ann", "--reason", "x"), "step 'ingest' is not held; held: check"),
        (
            ("retry-step", identity, "check", "--by", "ann", "--reason", "x", "--from", "no"),
            "is no step that ran before",
        ),
        (
            ("abort", "no-such-id", "check", "--by", "ann", "--reason", "x"),
            "Temporal knows no workflow id 'no-such-id'",
        ),
    ):
        refused = typed(*arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr

    waived = typed("waive", identity, "check", "--by", "ann", "--reason", "a short week")
    assert (waived.returncode, waived.stdout) == (0, "check waived by ann: a short week\n")
    result = typed("result", identity, "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["completed_steps"] == ["ingest", "check"]
    assert "check waived by ann: a short week" in typed("why", identity).stdout
    [row] = json.loads(typed("anomalies", "--all", "--json", "--workflow", "vocabulary.strict").stdout)
    assert (row["category"], row["resolved_by"], row["resolution"]) == (
        "GATE_HELD",
        "ann",
        "waived by ann: a short week",
    )
    assert typed("waive", identity, "check", "--by", "ann", "--reason", "again").returncode == 2
    measured = json.loads(typed("quality", "--failed", "--json", "--workflow", "vocabulary.strict").stdout)
    assert [(row["step"], row["check_name"], row["value"], row["threshold"]) for row in measured] == [
        ("check", "overall", None, None),
        ("check", "rows", 1.0, 2.0),
    ]
    [decision] = json.loads(typed("decisions", "--json", "--workflow", "vocabulary.strict").stdout)
    assert (decision["by"], decision["identity"], decision["is_final"]) == ("ann", "told", True)
    shown = typed("decisions").stdout
    assert shown.startswith(f"{identity}\n")
    assert "check  waive  ann (told)  a short week  rows 1 against 2" in shown

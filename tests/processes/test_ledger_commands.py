"""What an operator is told who asks for rows in a wrong way, or would resolve all anomalies."""

import pytest


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("anomalies resolve --reason x", "all anomalies would be resolved: say which"),
        ("anomalies resolve --category TIMEOUT", "--reason TEXT is missing"),
        ("anomalies --severity warn resolve --reason x", "--severity must stand behind `anomalies resolve`"),
        ("runs --since soon", "--since 'soon' must be a span such as 30m"),
        ("executions --status odd", "Invalid value for '--status'"),
        ("why", "name one run by its workflow id, or give --all"),
        ("limits open none --reason x", "there is no limit 'none': known are none"),
        ("limits close k --reason x --until 2020-01-01", "which has passed"),
        ("limits close k", "--reason TEXT is missing"),
    ],
)
def test_a_wrong_question_is_told_in_a_sentence(spine, command, told):
    ended = spine(*command.split())
    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_rows_that_come_without_end_are_no_array(spine):
    ended = spine("runs", "--watch", "--json")
    assert ended.returncode == 2
    assert "use --json-lines" in ended.stderr

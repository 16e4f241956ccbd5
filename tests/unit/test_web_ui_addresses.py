"""Where the Web UI lists what an operator looks for."""

from spine_temporal.client.web_ui import views


def test_each_view_is_a_list_that_is_asked_for_in_its_address():
    found = views("http://127.0.0.1:8233/", "team/one")
    assert found == {
        "held": "http://127.0.0.1:8233/namespaces/team%2Fone/workflows?query=SpineOutcome%3D%22HELD%22",
        "failed": "http://127.0.0.1:8233/namespaces/team%2Fone/workflows?query=ExecutionStatus%3D%22Failed%22",
        "backfills": "http://127.0.0.1:8233/namespaces/team%2Fone/workflows?query=WorkflowType%3D%22spine.backfill%22",
    }

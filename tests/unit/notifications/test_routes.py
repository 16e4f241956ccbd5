"""Which notifications go to which channels, as the project's file says it, and what it is refused for."""

from pathlib import Path

import pytest

from spine_temporal import ParamsError, SpineError
from spine_temporal.operating.notifications.notification_settings import notification_settings
from spine_temporal.project import Project
from tests.unit.notifications.told import told

HOOK = {"kind": "webhook", "url": "https://ops.example/hook"}
MAIL = {"kind": "email", "host": "mail.example", "sender": "spine@example", "to": ["ann@example"]}
CHANNELS = {"ops": HOOK, "mail": MAIL}


def settings(table):
    file = Path("/p/pyproject.toml")
    return notification_settings(Project(folder=file.parent, file=file, settings={"notifications": table}))


def routed(*routes, **more):
    return settings({"channels": CHANNELS, "routes": list(routes)}).channels_of(told(**more))


def test_without_channels_nothing_goes_anywhere():
    assert settings({}).channels_of(told()) == ()


def test_without_routes_what_is_a_warning_or_worse_goes_to_every_channel():
    assert routed() == ("ops", "mail")
    assert routed(severity="WARN") == ("ops", "mail")
    assert routed(severity="INFO") == ()


@pytest.mark.parametrize(
    ("route", "goes"),
    [
        ({}, True),
        ({"domain": "finra.*"}, True),
        ({"domain": ["sec.*", "finra.otc"]}, True),
        ({"domain": "finra"}, False),
        ({"workflow": "week*"}, True),
        ({"category": ["TRANSIENT", "QUALITY_*"]}, True),
        ({"category": "TRANSIENT"}, False),
        ({"kind": "failed"}, True),
        ({"kind": ["held", "late"]}, False),
        ({"severity": "ERROR"}, True),
        ({"severity": "ERROR", "category": "TRANSIENT"}, False),
    ],
)
def test_a_route_takes_what_matches_all_of_it(route, goes):
    assert routed({"channels": "ops", **route}) == (("ops",) if goes else ())


def test_several_routes_add_up_and_name_a_channel_once():
    assert routed({"channels": ["mail"]}, {"channels": ["ops", "mail"]}) == ("mail", "ops")
    assert routed({"channels": "ops", "severity": "ERROR"}, severity="WARN") == ()
    assert routed({"channels": "ops", "severity": "ERROR"}, severity="CRITICAL") == ("ops",)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("ops", "notifications: Input should be a valid dictionary"),
        ({"channel": {}}, "notifications.channel: Extra inputs are not permitted"),
        ({"channels": {"ops": {"kind": "pager"}}}, "notifications.channels.ops: Input tag 'pager' found"),
        ({"channels": {"ops": {"kind": "webhook"}}}, "ops: give url, or url_env: the name of the env"),
        ({"channels": {"ops": {**HOOK, "url_env": "X"}}}, "ops: give url, or url_env"),
        ({"channels": {"ops": {**HOOK, "url": "ftp://x"}}}, "ops.url: it must be like https://host/path"),
        ({"channels": {"ops": {**HOOK, "secret_env": "a secret!"}}}, "ops.secret_env: String should match"),
        (
            {"channels": {"ops": {**HOOK, "body": "$lins"}}},
            "ops.body: $lins is unknown; a template may name",
        ),
        ({"channels": {"ops": {**HOOK, "body": "100 $"}}}, "ops.body: a $ stands alone (write $$)"),
        ({"channels": {"mail": {**MAIL, "to": []}}}, "mail.to: Tuple should have at least 1 item"),
        ({"channels": {"mail": {**MAIL, "user_env": "U"}}}, "user_env and password_env go together"),
        (
            {"channels": {"mail": {**MAIL, "security": "none", "user_env": "U", "password_env": "P"}}},
            "a password is not sent without encryption",
        ),
        ({"channels": CHANNELS, "routes": [{"channels": "op"}]}, "a route names channel 'op'; the channels are ops, m"),
        ({"channels": CHANNELS, "routes": [{"channels": []}]}, "notifications.routes.0.channels: Value should"),
        ({"routes": [{"channels": "ops", "severity": "BAD"}]}, "notifications.routes.0.severity: Input should be"),
        ({"group_wait": -1}, "notifications.group_wait: Input should be greater than or equal to 0"),
    ],
)
def test_settings_that_are_wrong_are_refused_where_they_stand(table, words):
    with pytest.raises(SpineError) as error:
        settings(table)
    where, _, problem = str(error.value).partition(" in /p/pyproject.toml")
    assert words in where + problem
    assert where.startswith("tool.spine.notifications")


def test_a_channel_that_there_is_not_is_named_with_those_that_there_are():
    with pytest.raises(ParamsError, match="there is no channel 'opps': the channels are ops, mail; did you mean 'ops'"):
        settings({"channels": CHANNELS}).channel("opps")


def test_secrets_that_are_not_set_are_known_by_their_variables():
    found = settings({"channels": {"a": {"kind": "slack", "url_env": "A_URL"}, "b": {**HOOK, "secret_env": "B_KEY"}}})
    assert found.missing_secrets({"A_URL": "https://x/y"}) == [("b", "B_KEY")]

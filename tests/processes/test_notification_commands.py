"""Notifications from the command line, and the page on them: each command as it stands there."""

import json
import os
import subprocess
import tomllib
from uuid import uuid4

import psycopg
import pytest

from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.operating.notifications.notification_settings import NotificationSettings
from spine_temporal.recording.outbox import enqueue
from tests.conftest import ROOT
from tests.processes.conftest import until
from tests.unit.notifications.receivers import receiving

PAGE = (ROOT / "docs" / "operate" / "notifications.md").read_text()
MODULES = "tests.processes.dying_delivery"


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
def project(tmp_path, receiver):
    """A project whose one channel is the receiver."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "spine.toml").write_text(
        f'[notifications]\ngroup_wait = 0\n[notifications.channels.ops]\nkind = "webhook"\nurl = "{receiver.url}"\n'
    )
    return folder


@pytest.fixture
def typed(environment, project, warm):
    """Type a command in the project's folder."""

    def run(*arguments):
        variables = {**environment, "SPINE_MODULES": MODULES, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            warm.spine(*arguments), env=variables, cwd=project, capture_output=True, text=True, check=False
        )

    return run


def told(database_url):
    with psycopg.connect(database_url) as connection:
        found = Notification(
            kind=NotificationKind.FAILED, key=uuid4().hex, domain="d", workflow="w", severity=Severity.ERROR,
            category="TIMEOUT", message="it took too long", partition={"week": "2025-01-03"},
        )  # fmt: skip
        enqueue(connection, found)
    return str(found.notification_id)


def test_the_settings_on_the_page_are_ones_that_there_are():
    blocks = [part.split("```", 1)[0] for part in PAGE.split("```toml\n")[1:]]
    assert len(blocks) == 3
    channels = NotificationSettings.model_validate(tomllib.loads(blocks[0])["notifications"]).channels
    assert set(channels) == {"ops", "team", "desk"}
    assert NotificationSettings.model_validate(tomllib.loads(blocks[1])["notifications"]) == NotificationSettings()
    words = tomllib.loads(blocks[2])["notifications"]["channels"]["ops"]
    assert words == {"subject": channels["ops"].subject, "body": channels["ops"].body}


def test_the_page_says_what_the_commands_say(typed, receiver, database_url):
    tested = typed("notifications", "test", "ops")
    assert f"$ spine-temporal notifications test ops\n{tested.stdout}```" in PAGE
    assert json.loads(receiver.came[0][1])["type"] == "spine.test"
    listed = typed("notifications", "list", "--status", "failed")
    assert (listed.returncode, listed.stdout) == (0, "no notification\n")
    retried = typed("notifications", "retry", "--all")
    assert f"$ spine-temporal notifications retry --all\n{retried.stdout}```" in PAGE
    told(database_url)
    waiting = typed("notifications", "list").stdout
    assert "ERROR failed w  week=2025-01-03" in waiting
    assert "waiting  it took too long" in waiting


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("test", "opps"), "there is no channel 'opps': the channels are ops; did you mean 'ops'?"),
        (
            ("list", "--status", "lost"),
            "--status 'lost' is unknown: it is one of waiting, pending, delivered, fa",
        ),
        (("retry",), "give the IDs of notifications, or --all"),
        (("retry", "--all", "12345678"), "give the IDs of notifications, or --all"),
        (("retry", "xyz"), "'xyz' is no notification id: give at least 8 characters"),
        (("retry", "12345678"), "'12345678' is the id of no notification"),
    ],
)
def test_what_is_wrong_is_told(typed, arguments, message):
    refused = typed("notifications", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_channel_that_takes_nothing_is_told_and_so_is_a_project_without_one(typed, receiver, project):
    receiver.answers += [(410, {})]
    refused = typed("notifications", "test")
    assert (refused.returncode, refused.stdout) == (1, "ops: it answered 410 Gone\n")
    (project / "spine.toml").write_text("")
    assert "no channel is declared" in typed("notifications", "test").stderr


def test_a_worker_that_dies_when_it_has_sent_has_the_next_one_send_it_under_the_same_id(
    environment, project, warm, receiver, database_url, tmp_path
):
    notification, log = told(database_url), tmp_path / "worker.log"
    variables = {
        **environment,
        "SPINE_MODULES": MODULES,
        "PYTHONPATH": str(ROOT),
        "DELIVERY_MARKER": str(tmp_path / "died"),
    }
    workers = []
    try:
        for _ in range(2):
            with log.open("a") as written:
                command = warm.spine("worker")
                workers.append(subprocess.Popen(command, env=variables, cwd=project, stdout=written, stderr=written))
            until(lambda: workers[-1].poll() is not None or _is_delivered(database_url))
        assert workers[0].poll() is not None
        assert os.path.exists(variables["DELIVERY_MARKER"])
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert receiver.ids == [notification] * 2
    assert len({*receiver.batches}) == 1


def _is_delivered(url):
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT status FROM core_deliveries").fetchone() == ("DELIVERED",)

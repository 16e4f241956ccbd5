"""docker-compose.yml: what it starts is pinned and still made, and the password of Postgres may hold any character."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from tests.conftest import ROOT

PASSWORD = "p@ss:w/rd$\"'#%\\"
#: Images that their makers no longer build.
GIVEN_UP = {"temporalio/auto-setup", "temporalio/web", "temporalio/docker-compose"}
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def rendered(text, **values):
    """Fill in a config template as Temporal's server does; what is not given stays a word."""
    text = re.sub(r'\{\{ env "(\w+)" \| toRawJson \}\}', lambda found: json.dumps(values.get(found[1])), text)
    return yaml.safe_load(re.sub(r"\{\{.*?\}\}", "word", text))


@pytest.fixture
def configured(absent, tmp_path):
    """Let docker-compose read the file with this password."""
    program = shutil.which("docker-compose")
    if program is None:
        absent("no docker-compose on the PATH: install it to check docker-compose.yml")

    (tmp_path / "empty.env").touch()

    def read(password):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SPINE_")}
        return subprocess.run(
            [program, "--env-file", tmp_path / "empty.env", "-f", "docker-compose.yml", "config"],
            env=kept | ({"SPINE_POSTGRES_PASSWORD": password} if password else {}),
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return read


def test_docker_compose_takes_it_with_any_password(configured):
    ended = configured(PASSWORD)
    assert ended.returncode == 0, ended.stderr
    services = yaml.safe_load(ended.stdout)["services"]
    given = {
        (name, variable): value.replace("$$", "$")
        for name, service in services.items()
        for variable, value in service.get("environment", {}).items()
        if re.search("PASS", variable)
    }
    assert set(given) == {
        ("postgres", "POSTGRES_PASSWORD"),
        ("temporal-schema", "SQL_PASSWORD"),
        ("temporal", "POSTGRES_PASSWORD"),
        ("migrate", "PGPASSWORD"),
        ("worker", "PGPASSWORD"),
    }
    assert set(given.values()) == {PASSWORD}


def test_without_a_password_it_says_what_to_set(configured):
    ended = configured(None)
    assert ended.returncode != 0
    assert "set SPINE_POSTGRES_PASSWORD" in ended.stderr


def test_no_password_stands_in_a_url():
    for name, service in SERVICES.items():
        for value in service.get("environment", {}).values():
            assert not ("://" in value and "PASSWORD" in value), (name, value)


def test_every_image_is_pinned_and_none_is_given_up():
    images = {name: service["image"] for name, service in SERVICES.items()}
    for name, image in images.items():
        repository, _, tag = image.partition(":")
        assert re.match(r"v?\d+\.\d+", tag), f"{name}: {image} is not pinned to a version"
        assert repository not in GIVEN_UP, f"{name}: {image} is no longer made"
    assert images["temporal"].rpartition(":")[2] == images["temporal-schema"].rpartition(":")[2]


def test_what_is_mounted_from_here_is_here():
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            if volume.startswith("./"):
                assert (ROOT / volume.partition(":")[0]).exists(), volume


def test_temporals_server_gets_the_password_as_it_is():
    text = (ROOT / "ops" / "temporal" / "server.yaml").read_text()
    assert text.startswith("# enable-template\n")
    config = rendered(text, POSTGRES_PASSWORD=PASSWORD, POSTGRES_ADDRESS="postgres:5432", POSTGRES_USER="spine")
    for store in config["persistence"]["datastores"].values():
        assert (store["sql"]["password"], store["sql"]["connectAddr"]) == (PASSWORD, "postgres:5432")


@pytest.mark.parametrize(("password", "code"), [("with space", 1), (PASSWORD, 0)])
def test_a_password_that_temporal_cannot_use_is_refused_with_a_sentence(tmp_path, password, code):
    log = tmp_path / "log"
    tool = tmp_path / "temporal-sql-tool"
    tool.write_text(f'#!/bin/sh\necho "$*" >> {log}\n')
    tool.chmod(0o755)
    ended = subprocess.run(
        ["/bin/sh", ROOT / "ops" / "temporal" / "schema.sh"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SQL_PASSWORD": password},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ended.returncode == code
    assert ("SPINE_POSTGRES_PASSWORD has a space" in ended.stderr) is bool(code)
    assert log.exists() is not bool(code)

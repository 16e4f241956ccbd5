"""The lock files: pinned with hashes, silent of where they came from, and none has what its place does not need."""

import re
import tomllib
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = (
    "requirements.lock",
    "docs/requirements.lock",
    "ops/requirements.lock",
    "ops/build.lock",
    "ops/benchmarks/requirements.lock",
)


def pinned(lock):
    """Return the versions by name."""
    return dict(re.findall(r"^([\w.-]+)(?:\[.+\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def unmet(requirements, lock):
    """Return what the lock does not give."""
    versions = pinned(lock)
    wanted = [Requirement(text) for text in requirements]
    return [
        str(want)
        for want in wanted
        if not want.specifier.contains(versions.get(canonicalize_name(want.name), "0"), prereleases=True)
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_version_with_a_hash_or_a_comment(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    for line in text.splitlines():
        assert re.match(r"[\w.-]+(\[[\w,]+\])?==\S+ \\$| +--hash=sha256:[0-9a-f]{64}( \\)?$| *#|$", line), line
    entries = re.split(r"\n(?=\w)", text)
    assert all("--hash=sha256:" in entry for entry in entries if "==" in entry)


def test_each_lock_gives_what_its_place_asks_for():
    project, extras = PROJECT["project"]["dependencies"], PROJECT["project"]["optional-dependencies"]
    assert unmet([*project, *extras["embedded"], *extras["test"]], "requirements.lock") == []
    assert unmet([*project, *extras["embedded"], *extras["bench"]], "ops/benchmarks/requirements.lock") == []
    assert unmet([*project, *extras["docs"]], "docs/requirements.lock") == []
    assert unmet(project, "ops/requirements.lock") == []
    assert unmet(PROJECT["build-system"]["requires"], "ops/build.lock") == []


def test_what_another_wants_with_its_extras_is_pinned_with_them():
    """Where the pin has no extras, pip looks for the newest release that has them, and refuses it for its hash."""
    text = (ROOT / "requirements.lock").read_text()
    given = {name: set(extras.split(",")) for name, extras in re.findall(r"^([\w.-]+)\[(.+)\]==", text, re.MULTILINE)}
    wanted = {
        (canonicalize_name(want.name), extra)
        for name in pinned("requirements.lock")
        for want in map(Requirement, requires(name) or [])
        if want.extras and (want.marker is None or want.marker.evaluate({"extra": ""}))
        for extra in want.extras
    }
    assert ("coverage", "toml") in wanted
    assert {(name, extra) for name, extra in wanted if extra not in given.get(name, set())} == set()


def test_the_image_has_what_was_tested_and_no_test_tool():
    image, tested = pinned("ops/requirements.lock"), pinned("requirements.lock")
    assert image.items() <= tested.items()
    extras = [Requirement(text).name for name in ("embedded", "test") for text in extra(name)]
    assert not {canonicalize_name(name) for name in extras} & image.keys()


def test_the_image_installs_by_hash_or_what_it_made_itself():
    installs = [line for line in (ROOT / "ops" / "Dockerfile").read_text().splitlines() if re.match("RUN pip", line)]
    assert len(installs) >= 2
    for line in installs:
        assert "--require-hashes" in line or ("--no-index" in line and "--no-deps" in line), line


def extra(name):
    return PROJECT["project"]["optional-dependencies"][name]

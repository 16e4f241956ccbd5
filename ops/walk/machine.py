"""A machine on which nobody has worked yet: an empty home, in which there is nothing but a copy of this repository."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What the wheel is made of.
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "spine", "spine_temporal")
#: Variables that a new user has not set; pip's own say where packages come from.
_OURS = ("SPINE_", "TEMPORAL_", "PG", "PYTHON", "VIRTUAL_ENV", "COLUMNS", "PYTEST", "COVERAGE")
_PIN = re.compile(r"^([\w.-]+)(?:\[.+\])?(==\S+)", re.MULTILINE)


@contextmanager
def new_machine() -> Iterator[Path]:
    """Have an empty home with the repository in it, and remove it at the end."""
    home = Path(tempfile.mkdtemp(prefix="spine-walk-")).resolve()
    try:
        home.chmod(0o711)  # where root walks, Postgres runs as another user, who must pass through
        _copy_to(home / "spine-temporal")
        pins = map("".join, _PIN.findall((ROOT / "requirements.lock").read_text()))  # a constraint has no extras
        (home / "versions.txt").write_text("\n".join(pins))
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def environment(home: Path) -> dict[str, str]:
    """Return a new user's environment; pip installs the versions that this repository is tested with."""
    cache = (
        os.environ.get("PIP_CACHE_DIR")
        or subprocess.run(
            ["python3", "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=False
        ).stdout.strip()
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    given = {"HOME": str(home), "PIP_CONSTRAINT": str(home / "versions.txt"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return kept | given | ({"PIP_CACHE_DIR": cache} if cache else {})


def _copy_to(folder: Path) -> None:
    folder.mkdir()
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)

"""A workflow as it was at a git revision: the files in a temporary folder, loaded by a process of its own."""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import spine_temporal
from spine_temporal.definition.errors import DefinitionError, ParamsError
from spine_temporal.drawing.version import Version
from spine_temporal.project import current_folder
from spine_temporal.runtime.references import reference_of

#: Seconds that git and the loading of a project may take.
_PATIENCE = 120.0
#: Characters of what git or a project says that goes wrong.
_LONGEST = 600


def is_revision(text: str) -> bool:
    """Return whether git knows a commit of that name here."""
    return bool(text) and not text.startswith("-") and _git("rev-parse", "--verify", "-q", f"{text}^{{commit}}")[0] == 0


def version_at(revision: str, name: str, project: Path | None) -> Version:
    """Return the workflow as it was at a revision, by its name or its place.

    Raises ``DefinitionError`` where the project did not load then, or had no such workflow.
    """
    top = _top()
    with tempfile.TemporaryDirectory(prefix="spine-revision-") as temporary:
        folder = Path(temporary).resolve()
        _extract(top, revision, folder)
        inside = _inside(project or current_folder(), top)
        if not (folder / inside).is_dir():
            raise ParamsError(f"revision {revision!r} has no folder {str(inside)!r}, in which this project is")
        paths = _mapped(sys.path, top, folder)
        return _loaded(revision, _there(name, top, folder), folder, folder / inside, paths)


def _git(*arguments: str, cwd: Path | None = None) -> tuple[int, bytes, str]:
    try:
        ended = subprocess.run(  # noqa: S603 - arguments are no shell's
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=cwd,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise ParamsError("git is not on the PATH, and a revision is read with it: install git") from None
    return ended.returncode, ended.stdout, ended.stderr.decode(errors="replace").strip()[-_LONGEST:]


def _top() -> Path:
    code, output, told = _git("rev-parse", "--show-toplevel")
    if code:
        raise ParamsError(f"the current folder is in no git repository ({told})")
    return Path(output.decode().strip()).resolve()


def _extract(top: Path, revision: str, folder: Path) -> None:
    code, archive, told = _git("archive", "--format=tar", revision, cwd=top)
    if code:
        raise ParamsError(f"git cannot give the files of revision {revision!r}: {told}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def _inside(project: Path, top: Path) -> Path:
    resolved = project.resolve()
    return resolved.relative_to(top) if resolved.is_relative_to(top) else Path()


def _there(name: str, top: Path, folder: Path) -> str:
    """Return a name as it is; of a file's place, the place of the revision's file."""
    reference = reference_of(name)
    if reference is None or not reference.is_file:
        if name.endswith(".py"):
            raise ParamsError(f"{name!r} is a file: name the workflow in it too, as {name}:NAME")
        return name
    file = Path(reference.module).resolve()
    if not file.is_relative_to(top):
        raise ParamsError(f"{reference.module!r} is not in the git repository {top}")
    return f"{folder / file.relative_to(top)}:{reference.attribute}"


def _mapped(paths: Iterable[str], top: Path, folder: Path) -> list[str]:
    """Return where modules are looked for that the repository has: at the revision's place."""
    inside = [Path(path).resolve() for path in paths if path and Path(path).resolve().is_relative_to(top)]
    return [str(folder / path.relative_to(top)) for path in inside if ".venv" not in path.parts]


def _loaded(revision: str, name: str, folder: Path, project: Path, paths: list[str]) -> Version:
    ours = str(Path(spine_temporal.__file__).resolve().parents[1])
    asked = json.dumps({"revision": revision, "name": name, "folder": str(folder), "paths": paths})
    ended = subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-P", "-m", "spine_temporal.client.revision_child", asked],
        cwd=project,
        env={**os.environ, "PYTHONPATH": ours, "PWD": str(project)},
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    answer = _answer(ended.stdout) or {"error": ended.stderr.strip()[-_LONGEST:] or "its modules end the process"}
    if "version" in answer:
        return Version.model_validate(answer["version"])
    told = str(answer["error"]).replace(f"{folder}{os.sep}", "")
    raise DefinitionError(f"at revision {revision!r}: {told}")


def _answer(output: str) -> dict[str, Any] | None:
    """Return what the process has answered; None where it has died."""
    try:
        answer = json.loads(output.rpartition("\n")[2])
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None

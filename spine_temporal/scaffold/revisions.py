"""The next Alembic revision of a domain, and tables that there are already."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spine_temporal.definition.errors import ErrorCategory, SpineError


@dataclass(frozen=True, kw_only=True)
class NewRevision:
    """A revision's name, and that of the one before it; None: it is the domain's first."""

    name: str
    down: str | None
    #: The domain's branch, of its first revision alone.
    branch: str | None


def next_revision(branch: str, folder: Path, revisions: Sequence[Path]) -> NewRevision:
    """Return the revision that goes on from the newest one in a domain's folder.

    ``revisions`` are those of all domains: a name is never taken twice. Raises ``SpineError`` where the folder has more
    than one newest revision, or one that cannot be read.
    """
    numbers = [int(found[1]) for path in revisions if (found := re.fullmatch(rf"{branch}_(\d+)", path.stem))]
    own = [_assigned(path) for path in revisions if path.parent == folder]
    downs = {down for each in own for down in _listed(each.get("down_revision"))}
    heads = [str(each["revision"]) for each in own if "revision" in each and each["revision"] not in downs]
    if len(heads) > 1:
        raise SpineError(
            f"{folder} has more than one newest revision: {', '.join(heads)}",
            ErrorCategory.CONFIGURATION,
            advice="let one of them follow the other by its down_revision",
        )
    name = f"{branch}_{max(numbers, default=0) + 1:04d}"
    return NewRevision(name=name, down=heads[0] if heads else None, branch=None if own or numbers else branch)


def refuse_tables(tables: Sequence[str], revisions: Sequence[Path]) -> None:
    """Raise ``SpineError`` where a revision makes a table of one of these names already."""
    made = re.compile(rf"create[_ ]table\W+(?:if not exists )?({'|'.join(tables)})\b", re.IGNORECASE)
    for path in revisions:
        found = made.search(_text(path))
        if found is not None:
            raise SpineError(
                f"the table {found[1]!r} is made by {path} already",
                ErrorCategory.CONFIGURATION,
                advice="take another name",
            )


def _assigned(path: Path) -> dict[str, object]:
    """Return the literal values that a module assigns at its top."""
    found: dict[str, object] = {}
    try:
        for node in ast.parse(_text(path)).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            if isinstance(value, ast.Constant | ast.Tuple):
                found |= {each.id: ast.literal_eval(value) for each in targets if isinstance(each, ast.Name)}
    except (ValueError, SyntaxError) as error:
        raise _refusal(path, error) from None
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from None


def _refusal(path: Path, error: Exception) -> SpineError:
    return SpineError(f"the revision {path} cannot be read: {error}", ErrorCategory.CONFIGURATION)


def _listed(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)

"""The next Alembic revision of a domain."""

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


def _assigned(path: Path) -> dict[str, object]:
    """Return the literal values that a module assigns at its top."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError) as error:
        raise SpineError(f"the revision {path} cannot be read: {error}", ErrorCategory.CONFIGURATION) from None
    found: dict[str, object] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Constant | ast.Tuple):
            found |= {each.id: ast.literal_eval(value) for each in targets if isinstance(each, ast.Name)}
    return found


def _listed(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)

"""A difference as lines of text, and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from spine_temporal.drawing.consequences import Consequences
from spine_temporal.drawing.plan_diff import ChangeKind, FieldChange, PlanDiff, StepChange
from spine_temporal.drawing.terminal_graph import TextLine
from spine_temporal.drawing.version import Version
from spine_temporal.drawing.words import folded, shortened

_SIGNS = {
    ChangeKind.ADDED: ("+", "green"),
    ChangeKind.REMOVED: ("-", "red"),
    ChangeKind.CHANGED: ("~", "yellow"),
    ChangeKind.MOVED: (">", "cyan"),
}
#: Characters of a value.
_LONGEST = 200


def diff_lines(
    before: Version, after: Version, diff: PlanDiff, means: Consequences, *, width: int | None = None
) -> list[TextLine]:
    """Return what has changed and what it means."""
    head = f"{before.plan.workflow}: {before.label} -> {after.label}"
    if diff.is_empty:
        return [[(f"{head}: the same", "")]]
    lines: list[TextLine] = [[(line, "bold")] for line in folded(head, width)]
    lines += [line for change in diff.fields for line in _field_lines("~ ", change, width)]
    lines += [line for change in diff.steps for line in _step_lines(change, width)]
    for title, sentences in (("Runs in flight", means.in_flight), ("Resumes", means.resumes)):
        lines += [[], [(title, "bold")], *_sentences(sentences, width)]
    return lines


def diff_json(before: Version, after: Version, diff: PlanDiff, means: Consequences) -> dict[str, Any]:
    """Return the same for a program."""
    return {
        "before": {"label": before.label, "workflow": before.plan.workflow, "version": before.plan.version},
        "after": {"label": after.label, "workflow": after.plan.workflow, "version": after.plan.version},
        "same": diff.is_empty,
        "workflow": [_field_json(change) for change in diff.fields],
        "steps": [
            {
                "change": change.kind.value,
                "step": change.step,
                "kind": change.what,
                "behind": change.behind or None,
                "fields": [_field_json(field) for field in change.fields],
            }
            for change in diff.steps
        ],
        "means": asdict(means),
    }


def _field_json(change: FieldChange) -> dict[str, Any]:
    return {"field": change.field, "from": change.before, "to": change.after}


def _step_lines(change: StepChange, width: int | None) -> Iterator[TextLine]:
    sign, style = _SIGNS[change.kind]
    where = ""
    if change.kind is not ChangeKind.CHANGED or change.behind:
        moved = "now " if change.kind in {ChangeKind.MOVED, ChangeKind.CHANGED} else ""
        where = f", {moved}behind {change.behind}" if change.behind else f", {moved}the first"
    yield [(f"{sign} {change.step}", style), (f"  {change.what}{where}", "")]
    for field in change.fields:
        yield from _field_lines("    ", field, width)


def _field_lines(indent: str, change: FieldChange, width: int | None) -> list[TextLine]:
    if change.field.endswith("(code)"):
        told = f"{change.field.removesuffix(' (code)')}: its code is edited"
    else:
        told = f"{change.field}: {_value(change.before)} -> {_value(change.after)}"
    room = None if width is None else max(width - len(indent) - 2, 20)
    lines = folded(told, room)
    return [[(f"{indent if not number else ' ' * (len(indent) + 2)}{line}", "")] for number, line in enumerate(lines)]


def _value(value: Any) -> str:
    return "none" if value is None else shortened(json.dumps(value, ensure_ascii=False), _LONGEST)


def _sentences(sentences: Sequence[str], width: int | None) -> list[TextLine]:
    room = None if width is None else max(width - 4, 20)
    return [
        [(f"{'  - ' if not number else '    '}{line}", "")]
        for sentence in sentences
        for number, line in enumerate(folded(sentence, room))
    ]

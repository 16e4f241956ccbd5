"""Rules of how much a gate does: SPN3xx, by signs that can be counted."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from spine_temporal.checks.findings import Finding
from spine_temporal.checks.frames import Frame
from spine_temporal.checks.places import place_at
from spine_temporal.checks.sources import Defined
from spine_temporal.checks.step_code import StepCode

#: What a gate may have of each, its helpers included.
LIMITS = {"statements": 60, "branches": 20, "nested loops": 1, "calculations": 12}

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHES = (ast.If, ast.IfExp, ast.ExceptHandler, ast.match_case, ast.comprehension, *_LOOPS)
_CALCULATIONS = (ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.Sub, ast.Add)


@dataclass
class _Counts:
    statements: int = 0
    branches: int = 0
    nested_loops: int = 0
    calculations: int = 0

    def beyond(self) -> list[str]:
        """Return what is more than a gate may have."""
        counted = {name: getattr(self, name.replace(" ", "_")) for name in LIMITS}
        return [f"{count} {name} (up to {LIMITS[name]})" for name, count in counted.items() if count > LIMITS[name]]


def lightness_findings(code: StepCode) -> Iterator[Finding]:
    """Yield where a gate transforms rows, and where it is more than a check."""
    if not code.is_gate or code.node is None:
        return
    counts = _Counts()
    for node, frame in code.following.frames.items():
        if not _is_within(node, code.following.frames):
            _count(node, counts)
        yield from _made_rows(code, node, frame)
    beyond = counts.beyond()
    if beyond:
        yield Finding.of("SPN302", code.place, f"{code.head} has {', '.join(beyond)}: it is more than a check")


def _is_within(node: Defined, others: dict[Defined, Frame]) -> bool:
    return any(other is not node and any(part is node for part in ast.walk(other)) for other in others)


def _count(node: Defined, counts: _Counts) -> None:
    for part in ast.walk(node):
        counts.statements += isinstance(part, ast.stmt) and not isinstance(part, ast.FunctionDef)
        counts.branches += isinstance(part, _BRANCHES)
        counts.calculations += isinstance(part, ast.BinOp) and isinstance(part.op, _CALCULATIONS) and not _is_text(part)
        if isinstance(part, _LOOPS):
            counts.nested_loops += sum(isinstance(each, _LOOPS) for each in ast.walk(part)) - 1


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(each, ast.JoinedStr) or isinstance(getattr(each, "value", None), str) for each in sides)


def _made_rows(code: StepCode, node: Defined, frame: Frame) -> Iterator[Finding]:
    for part in ast.walk(node):
        if isinstance(part, ast.ListComp | ast.GeneratorExp) and isinstance(part.elt, ast.Dict):
            yield _rows(code, frame, part, "makes a row for each row")
        elif isinstance(part, _LOOPS):
            yield from _in_loop(code, frame, part)


def _in_loop(code: StepCode, frame: Frame, loop: ast.For | ast.AsyncFor | ast.While) -> Iterator[Finding]:
    target = getattr(loop, "target", None)
    name = target.id if isinstance(target, ast.Name) else None
    for part in [each for statement in loop.body for each in ast.walk(statement)]:
        match part:
            case ast.Subscript(value=ast.Name(id=changed), ctx=ast.Store() | ast.Del()) if changed == name:
                yield _rows(code, frame, part, "changes each row")
            case ast.Call(func=ast.Attribute(attr="append"), args=[ast.Dict()]):
                yield _rows(code, frame, part, "makes a row for each row")


def _rows(code: StepCode, frame: Frame, node: ast.AST, what: str) -> Finding:
    return Finding.of("SPN301", place_at(frame.file, node), f"{code.head} {what}")

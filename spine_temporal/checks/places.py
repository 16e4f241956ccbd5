"""Where in a source a workflow and its steps are made."""

import ast
from collections.abc import Iterator

from spine_temporal.checks.findings import Place
from spine_temporal.checks.sources import Source

_STEPS = {"pipeline", "lambda_", "choice", "wait", "wait_for", "parallel", "map", "workflow"}


def place_at(file: str, node: ast.AST | None) -> Place:
    """Return the place of a node; of none, the file's first line."""
    if node is None:
        return Place(file=file)
    return Place(file=file, line=getattr(node, "lineno", 1), column=getattr(node, "col_offset", 0) + 1)


def assignment_of(source: Source, name: str) -> ast.stmt | None:
    """Return the statement at the top of a module that gives a name its value."""
    for statement in source.tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return statement
    return None


def place_of(source: Source | None, attribute: str, file: str, *, step: str | None = None) -> Place:
    """Return where a workflow is assigned, or where a step of it is made."""
    if source is None:
        return Place(file=file)
    assigned = assignment_of(source, attribute)
    if step is not None:
        made = [*_calls(assigned, step), *_calls(source.tree, step)]
        if made:
            return place_at(file, made[0])
    return place_at(file, assigned)


def _calls(within: ast.AST | None, step: str) -> Iterator[ast.Call]:
    for node in ast.walk(within) if within is not None else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _STEPS:
            named = [each.value for each in node.keywords if each.arg == "name"]
            first = [*node.args[:1], *named][:1]
            if first and isinstance(first[0], ast.Constant) and first[0].value == step:
                yield node

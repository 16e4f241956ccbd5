"""The source of loaded code: files as syntax trees, and the node of a function that exists."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType, FunctionType

Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Source:
    """A file, with its text and its tree."""

    file: str
    text: str
    tree: ast.Module

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of its tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Defined]:
        """Every function in it, lambdas too."""
        return [node for node in self.nodes if isinstance(node, Defined)]


@dataclass
class Sources:
    """The files that have been read; None of those that cannot be."""

    read: dict[str, Source | None] = field(default_factory=dict)

    def of(self, file: str) -> Source | None:
        """Return a file, read once."""
        if file not in self.read:
            self.read[file] = _read(file)
        return self.read[file]

    def node(self, function: FunctionType) -> Defined | None:
        """Return the part of the tree that a function was made from, None where it is not found."""
        code = function.__code__
        source = self.of(code.co_filename)
        if source is None:
            return None
        fitting = [node for node in source.functions if _is(node, code)]
        return min(fitting, key=_size) if fitting else None


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a function, those within others too, but for functions and classes in it."""
    for statement in body:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from statements([inner for inner in _inner(statement) if isinstance(inner, ast.stmt)])


def _inner(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from ast.iter_child_nodes(child)
        else:
            yield child


def _read(file: str) -> Source | None:
    try:
        text = Path(file).read_text(encoding="utf-8")
        return Source(file, text, ast.parse(text, file))
    except (OSError, SyntaxError, ValueError):
        return None


def _is(node: Defined, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and _holds(node.body, code)
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return node.name == code.co_name and first == code.co_firstlineno


def _holds(body: ast.expr, code: CodeType) -> bool:
    """Return whether all instructions of a lambda come from this expression."""
    start, end = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    places = [
        (line, column)
        for line, _, column, _ in code.co_positions()
        if line is not None and column is not None and column
    ]
    return bool(places) and all(start <= place <= end for place in places)


def _size(node: Defined) -> int:
    return len(ast.dump(node)) if isinstance(node, ast.Lambda) else 0

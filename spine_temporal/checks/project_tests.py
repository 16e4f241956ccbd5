"""The test functions of a project, with the names that each one comes to, by fixtures and helpers too."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class ProjectTest:
    """A test; ``names`` are those that it, its fixtures and its helpers use, ``texts`` their strings."""

    name: str
    names: frozenset[str]
    texts: frozenset[str]
    #: What the test calls itself, in order.
    calls: tuple[str, ...]

    def says(self, *words: str) -> bool:
        """Return whether one of the words is a name of it, or in one of its strings."""
        return any(word in self.names or any(word in text for text in self.texts) for word in words)


def project_tests(folders: Sequence[Path], mentioning: Sequence[str]) -> Iterator[ProjectTest]:
    """Yield the tests in files that mention one of these words, or whose conftest.py does."""
    for folder in folders:
        for file in sorted(folder.rglob("test_*.py")):
            texts = [_text(each) for each in (file, *_conftests(file, folder))]
            if any(word in text for text in texts for word in mentioning):
                yield from _tests(texts)


def _conftests(file: Path, folder: Path) -> list[Path]:
    above = [parent for parent in file.parents if parent == folder or parent.is_relative_to(folder)]
    return [parent / "conftest.py" for parent in above if (parent / "conftest.py").is_file()]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _tests(texts: Sequence[str]) -> Iterator[ProjectTest]:
    functions: dict[str, _Function] = {}
    for text in reversed(texts):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        functions |= {node.name: node for node in ast.walk(tree) if isinstance(node, _Function)}
    for name, node in functions.items():
        if name.startswith("test"):
            yield _test(node, functions)


def _test(node: _Function, functions: dict[str, _Function]) -> ProjectTest:
    reached, waiting = {node.name: node}, [node]
    while waiting:
        for name in _names(waiting.pop()):
            inner = functions.get(name)
            if inner is not None and name not in reached:
                reached[name] = inner
                waiting.append(inner)
    parts = [part for each in reached.values() for part in ast.walk(each)]
    return ProjectTest(
        name=node.name,
        names=frozenset(name for each in reached.values() for name in _names(each)),
        texts=frozenset(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)),
        calls=tuple(_called(part) for part in ast.walk(node) if isinstance(part, ast.Call)),
    )


def _names(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for part in ast.walk(node):
        match part:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.add(name)
            case ast.alias(name=name):
                found.add(name.rpartition(".")[2])
    return found


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))

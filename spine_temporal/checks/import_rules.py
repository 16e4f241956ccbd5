"""What is said of a module that cannot be imported: SPN001, SPN002, and SPN503 where that is why."""

import ast
from collections.abc import Iterator
from traceback import TracebackException

from spine_temporal.checks.findings import Finding, Place
from spine_temporal.checks.loaded import ImportFailure, Loaded
from spine_temporal.checks.sources import Source
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.user_code import is_user_code


def import_findings(loaded: Loaded) -> Iterator[Finding]:
    """Yield why each of these modules was not imported."""
    for failure in loaded.failures:
        place = _place(failure)
        if not isinstance(failure.error, DefinitionError):
            message = f"module {failure.name!r} cannot be imported: {_told(failure.error)}"
            yield Finding.of("SPN001", place, message)
            continue
        source = loaded.sources.of(place.file)
        code = "SPN503" if source is not None and _is_class_without_run(source, place.line) else "SPN002"
        yield Finding.of(code, place, str(failure.error))


def _told(error: BaseException) -> str:
    words = error.msg if isinstance(error, SyntaxError) else str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _place(failure: ImportFailure) -> Place:
    """Return the innermost place in the user's code."""
    error = failure.error
    if isinstance(error, SyntaxError) and error.filename:
        return Place(file=error.filename, line=error.lineno or 1, column=error.offset or 1)
    frames = [each for each in TracebackException.from_exception(error).stack if is_user_code(each.filename)]
    inside = [each for each in frames if not each.filename.startswith("<")]
    if not inside:
        return Place(file=failure.file or failure.name)
    last = inside[-1]
    return Place(file=last.filename, line=last.lineno or 1, column=(last.colno or 0) + 1)


def _is_class_without_run(source: Source, line: int) -> bool:
    for node in source.nodes:
        if isinstance(node, ast.ClassDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first <= line <= node.lineno and node.decorator_list:
                return not any(isinstance(each, ast.FunctionDef) and each.name == "run" for each in node.body)
    return False

"""Whether the code of a step is the same in two versions: a digest of what its function says."""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import Any

from spine_temporal.checks.functions import functions_of
from spine_temporal.definition.workflow import Workflow

#: The functions that a step may have.
_ASKED = ("handler", "condition", "params", "items", "partition")


def code_digests(workflow: Workflow) -> Mapping[str, str]:
    """Return a digest for each function of the workflow's steps, by ``step.what``.

    Form, comments and docstrings do not count; nor does the code of other functions that it calls. A lambda's is of its
    bytecode, and so the same in two processes of one Python only.
    """
    found: dict[str, str] = {}
    for step in workflow.all_steps:
        for what in _ASKED:
            code = getattr(step, what, None)
            if callable(code):
                said = "\n".join(_said(function) for function, _ in functions_of(code))
                found[f"{step.name}.{what}"] = hashlib.sha256(said.encode()).hexdigest()[:16]
    return found


def _said(function: FunctionType) -> str:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, SyntaxError, IndexError):
        tree = None
    if isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef) and function.__name__ == tree.name:
        has_docstring = ast.get_docstring(tree, clean=False) is not None
        return "".join(ast.dump(part) for part in (tree.args, *tree.body[has_docstring:]))
    return repr(_essence(function.__code__))


def _essence(code: CodeType) -> tuple[Any, ...]:
    """Return what makes bytecode what it is, in a form that prints the same each time."""
    constants = [_constant(constant) for constant in code.co_consts]
    return (code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars)


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _essence(value)
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)

"""Which ends of a function its paths reach."""

import ast
from collections.abc import Sequence

#: Calls that do not come back.
_NEVER = {"exit", "quit", "_exit", "abort", "assert_never"}


def falls(body: Sequence[ast.stmt]) -> bool:
    """Return whether the end of a block can be reached."""
    return not any(_stops(statement) for statement in body)


def _stops(statement: ast.stmt) -> bool:
    match statement:
        case ast.If(test=test, body=body, orelse=orelse):
            return _if_stops(test, body, orelse)
        case ast.While(test=test, body=body):
            return isinstance(test, ast.Constant) and bool(test.value) and not breaks(body)
        case ast.Try() | ast.TryStar():
            return _try_stops(statement)
        case ast.With(body=body, items=items) | ast.AsyncWith(body=body, items=items):
            return not falls(body) and not any(_swallows(item.context_expr) for item in items)
        case ast.Match(cases=cases):
            return any(_takes_all(each) for each in cases) and not any(falls(each.body) for each in cases)
    return _never_goes_on(statement)


def _never_goes_on(statement: ast.stmt) -> bool:
    match statement:
        case ast.Return() | ast.Raise() | ast.Continue() | ast.Break() | ast.Assert(test=ast.Constant(value=False)):
            return True
        case ast.Expr(value=ast.Call(func=called)):
            return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in _NEVER
    return False


def _if_stops(test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> bool:
    if isinstance(test, ast.Constant):
        return not falls(body if test.value else orelse)
    return not falls(body) and not falls(orelse)


def _try_stops(statement: ast.Try | ast.TryStar) -> bool:
    if not falls(statement.finalbody):
        return True
    tried = not falls(statement.body) or not falls(statement.orelse)
    return tried and not any(falls(handler.body) for handler in statement.handlers)


def _takes_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None


def _swallows(context: ast.expr) -> bool:
    called = context.func if isinstance(context, ast.Call) else context
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "suppress"


def breaks(body: Sequence[ast.stmt]) -> bool:
    """Return whether a loop is left by a break of its own."""
    for statement in body:
        if isinstance(statement, ast.Break):
            return True
        if isinstance(statement, ast.For | ast.AsyncFor | ast.While | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        parts = [part for part in ast.walk(statement) if part is not statement]
        if any(isinstance(part, ast.Break) for part in parts):
            return True
    return False

"""Rules of what a gate answers: SPN2xx."""

import ast
import inspect
from collections.abc import Iterator
from types import FunctionType

from spine_temporal.checks.findings import Finding
from spine_temporal.checks.following import is_suspended
from spine_temporal.checks.frames import Frame
from spine_temporal.checks.places import place_at
from spine_temporal.checks.sources import Defined, statements
from spine_temporal.checks.step_code import StepCode
from spine_temporal.checks.values import Group, Known, Local, Made, Method, Value, Values, class_of
from spine_temporal.definition.step_result import StepResult

#: What the parameters of a gate are called; the other way round they are mixed up.
_CONTEXT, _CONFIG = {"ctx", "context"}, {"config", "cfg"}


def gate_findings(code: StepCode) -> Iterator[Finding]:
    """Yield what is wrong with how a function of a step is called and what it answers."""
    yield from _signature(code)
    if code.node is None or code.frame is None:
        return
    if is_suspended(code.node):
        kind = "a coroutine" if isinstance(code.node, ast.AsyncFunctionDef) else "a generator"
        yield Finding.of("SPN206", code.place, f"{code.head} is {kind}, which nobody runs")
        return
    if code.role == "condition":
        yield from _always_true(code, code.frame)
    if code.is_gate:
        yield from _answers(code, code.node, code.frame)
        yield from _unused(code, code.node, code.frame)
        yield from _swallowed(code)
        yield from _idle(code)
        yield from _only_passes(code, code.frame)


def _signature(code: StepCode) -> Iterator[Finding]:
    wanted = "(ctx, config)" if code.is_gate else "(ctx)"
    try:
        signature = inspect.signature(code.code)
    except (TypeError, ValueError):
        return
    names = [name.lower() for name in signature.parameters]
    try:
        signature.bind(*([None] * (2 if code.is_gate else 1)))
        fits = True
    except TypeError:
        fits = False
    if not fits:
        yield Finding.of("SPN202", code.place, f"{code.head} takes {signature} and is called with {wanted}")
    elif code.is_gate and len(names) > 1 and (names[0] in _CONFIG or names[1] in _CONTEXT):
        yield Finding.of("SPN202", code.place, f"{code.head} takes {signature}, and is called with {wanted}")


def _always_true(code: StepCode, frame: Frame) -> Iterator[Finding]:
    for statement, values in frame.returned:
        if values and all(class_of(value) in {StepResult, FunctionType} for value in values):
            what = "a StepResult" if class_of(values[0]) is StepResult else "a function"
            yield Finding.of("SPN205", place_at(frame.file, statement), f"{code.head} returns {what}, always true")


def _answers(code: StepCode, node: Defined, frame: Frame) -> Iterator[Finding]:
    for statement, values in frame.returned:
        wrong = _wrong_return(statement.value, values, frame)
        if wrong is not None:
            yield Finding.of(
                "SPN201", place_at(frame.file, statement), f"{code.head} returns {_what(wrong)} here and no StepResult"
            )
    if frame.falls and not isinstance(node, ast.Lambda):
        last = place_at(frame.file, node.body[-1])
        yield Finding.of("SPN201", last, f"{code.head} ends behind this without a return on some path")


def _wrong_return(expression: ast.expr | None, values: Values, frame: Frame) -> Value | None:
    """Return what is returned and is no StepResult; None where it is one, or where the code does not tell."""
    match expression:
        case ast.IfExp(body=body, orelse=orelse):
            parts = [_wrong_return(each, frame.worth.get(each, ()), frame) for each in (body, orelse)]
            return next((part for part in parts if part is not None), None)
        case ast.BoolOp(op=ast.Or(), values=[*_, last]):
            return _wrong_return(last, frame.worth.get(last, ()), frame)
        case ast.BoolOp():
            return None
    wrong = [value for value in values if not _is_verdict(value)]
    return wrong[0] if wrong and (isinstance(expression, ast.Call) or len(wrong) == len(values)) else None


def _is_verdict(value: Value) -> bool:
    cls = class_of(value)
    return cls is None or issubclass(cls, StepResult) or cls.__name__ == StepResult.__name__


def _what(value: Value) -> str:
    match value:
        case Known(value=known) if known is None or isinstance(known, bool | str | int | float):
            return repr(known)
        case Local():
            return "a function"
        case Method() | Known():
            return "something that is not called"
        case Made(cls=cls) | Group(kind=cls):
            return f"a {cls.__name__}"
    return "an output"


def _unused(code: StepCode, node: Defined, frame: Frame) -> Iterator[Finding]:
    """Yield StepResults that get a name that nobody reads."""
    if isinstance(node, ast.Lambda):
        return
    loaded = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    for statement in statements(node.body):
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            values = frame.worth.get(statement.value, ())
            if target.id not in loaded and values and all(class_of(value) is StepResult for value in values):
                message = f"{code.head} makes a StepResult as {target.id!r} and does nothing with it"
                yield Finding.of("SPN203", place_at(frame.file, statement), message)


def _swallowed(code: StepCode) -> Iterator[Finding]:
    for node, frame in code.following.frames.items():
        for statement in [] if isinstance(node, ast.Lambda) else statements(node.body):
            for handler in statement.handlers if isinstance(statement, ast.Try | ast.TryStar) else ():
                if _takes_all(handler) and not _tells(handler):
                    yield Finding.of(
                        "SPN204", place_at(frame.file, handler), f"{code.head} catches every exception and goes on"
                    )


def _idle(code: StepCode) -> Iterator[Finding]:
    """Yield branches that change nothing, where a return was meant or is left to be written."""
    for node, frame in code.following.frames.items():
        for statement in [] if isinstance(node, ast.Lambda) else statements(node.body):
            if isinstance(statement, ast.If) and not statement.orelse and all(map(_does_nothing, statement.body)):
                yield Finding.of("SPN208", place_at(frame.file, statement), f"{code.head} asks here for nothing")


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _takes_all(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or getattr(handler.type, "id", "") in {"Exception", "BaseException"}


def _tells(handler: ast.ExceptHandler) -> bool:
    parts = [part for statement in handler.body for part in ast.walk(statement)]
    return any(isinstance(part, ast.Raise) or getattr(part, "attr", "") == "fail" for part in parts)


def _only_passes(code: StepCode, frame: Frame) -> Iterator[Finding]:
    verdicts = [value for _, values in frame.returned for value in (values or (None,))]
    passing = [each for each in verdicts if isinstance(each, Made) and "next_step" not in each.fields]
    passes = verdicts and len(passing) == len(verdicts) and all(_passes(each) for each in passing)
    if passes and not any(isinstance(part, ast.Raise) for node in code.following.frames for part in ast.walk(node)):
        yield Finding.of("SPN207", code.place, f"{code.head} neither fails nor routes")


def _passes(verdict: Made) -> bool:
    success = verdict.fields.get("success", ())
    return len(success) == 1 and isinstance(success[0], Known) and success[0].value is True

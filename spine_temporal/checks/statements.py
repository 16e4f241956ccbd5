"""The statements of a function, one after the other; of a branch both ways, of a loop one round."""

import ast
import re
from collections.abc import Sequence

from spine_temporal.checks.endless import goes_through_all_numbers, is_endless
from spine_temporal.checks.expressions import Caller, Expressions
from spine_temporal.checks.flow import falls
from spine_temporal.checks.frames import Frame
from spine_temporal.checks.library import module_named
from spine_temporal.checks.rules import IO_CODES, MODULES
from spine_temporal.checks.values import NONE, Known, Local, Made, Values, class_of, either
from spine_temporal.checks.watch import Watch
from spine_temporal.definition.step_result import StepResult

_SQL = re.compile(r"\b(SELECT\b.+\bFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\b.+\bSET|CREATE\s+TABLE)\b", re.DOTALL)


class Statements:
    """Follows the statements of one frame."""

    def __init__(self, caller: Caller, watch: Watch, frame: Frame) -> None:
        self.watch = watch
        self.frame = frame
        self.expressions = Expressions(caller, watch, frame)

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Follow a block."""
        for statement in body:
            rule = getattr(self, f"_{type(statement).__name__.lower()}", self._other)
            rule(statement)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """Follow a whole function."""
        if isinstance(node, ast.Lambda):
            answer = ast.copy_location(ast.Return(value=node.body), node.body)
            self.frame.returned.append((answer, self.expressions.value(node.body)))
            return
        self.block(node.body)
        self.frame.falls = falls(node.body)

    def _other(self, statement: ast.stmt) -> None:
        """Follow what a statement holds that has no rule of its own."""
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                self.expressions.value(child)

    def _return(self, statement: ast.Return) -> None:
        values: Values = (NONE,) if statement.value is None else self.expressions.value(statement.value)
        self.frame.returned.append((statement, values))

    def _expr(self, statement: ast.Expr) -> None:
        if isinstance(statement.value, ast.Constant):
            return
        values = self.expressions.value(statement.value)
        if any(class_of(value) is StepResult for value in values):
            self.watch.see("SPN203", statement, self.frame, "makes a StepResult and does nothing with it")

    def _assign(self, statement: ast.Assign) -> None:
        values = self.expressions.value(statement.value)
        for target in statement.targets:
            self.expressions.assign(target, values)

    def _annassign(self, statement: ast.AnnAssign) -> None:
        if statement.value is not None:
            self.expressions.assign(statement.target, self.expressions.value(statement.value))

    def _augassign(self, statement: ast.AugAssign) -> None:
        before = self.expressions.value(statement.target)
        self.expressions.value(statement.value)
        if isinstance(statement.target, ast.Name):
            for value in before:
                if isinstance(value, Known) and isinstance(value.value, list | set | dict):
                    self.expressions.changes.of(value, statement.target)
        self.expressions.assign(statement.target, ())

    def _delete(self, statement: ast.Delete) -> None:
        for target in statement.targets:
            if isinstance(target, ast.Attribute | ast.Subscript):
                self.expressions.assign(target, ())

    def _global(self, statement: ast.Global | ast.Nonlocal) -> None:
        self.frame.shared |= set(statement.names)

    _nonlocal = _global

    def _functiondef(self, statement: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        given = [*statement.decorator_list, *statement.args.defaults, *statement.args.kw_defaults]
        for expression in given:
            if expression is not None:
                self.expressions.value(expression)
        self.frame.names[statement.name] = (Local(statement, self.frame),)

    _asyncfunctiondef = _functiondef

    def _classdef(self, statement: ast.ClassDef) -> None:
        self.frame.names[statement.name] = ()
        methods = [each for each in statement.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
        self.expressions.caller.touch(tuple(Local(each, self.frame) for each in methods), self.frame)

    def _import(self, statement: ast.Import) -> None:
        for alias in statement.names:
            self._imported(alias.name, statement)
            top = alias.name if alias.asname else alias.name.partition(".")[0]
            self.frame.names[alias.asname or top] = module_named(top)

    def _importfrom(self, statement: ast.ImportFrom) -> None:
        package = str(self.frame.module.get("__package__") or "") if statement.level else None
        name = f"{'.' * statement.level}{statement.module or ''}"
        module = module_named(name, package)
        if package is None:
            self._imported(name, statement)
        for alias in statement.names:
            found = tuple(
                Known(getattr(each.value, alias.name))
                for each in module
                if isinstance(each, Known) and hasattr(each.value, alias.name)
            )
            self.frame.names[alias.asname or alias.name] = found
            self.watch.look_at(found, statement, self.frame)

    def _imported(self, name: str, node: ast.stmt) -> None:
        heads = [name.rsplit(".", count)[0] for count in range(name.count(".") + 1)]
        rule = next((MODULES[head] for head in heads if head in MODULES), None)
        if rule is not None and rule.code in IO_CODES:
            self.watch.see(rule.code, node, self.frame, f"imports {name}, which {rule.why}")

    def _if(self, statement: ast.If) -> None:
        self.expressions.value(statement.test)
        self._branches([statement.body, statement.orelse])

    def _branches(self, branches: Sequence[Sequence[ast.stmt]]) -> None:
        """Follow each branch from what was known before, and keep what those that go on have made."""
        before = self.frame.names
        after: list[dict[str, Values]] = []
        for body in branches:
            self.frame.names = dict(before)
            self.block(body)
            if falls(body):
                after.append(self.frame.names)
        self.frame.names = _merged(after) if after else before

    def _for(self, statement: ast.For | ast.AsyncFor) -> None:
        self.expressions.assign(statement.target, self.expressions.members(statement.iter))
        if goes_through_all_numbers(statement, self.frame.worth.get(statement.iter, ())):
            self._see_endless(statement)
        self._branches([statement.body, []])
        self.block(statement.orelse)

    _asyncfor = _for

    def _while(self, statement: ast.While) -> None:
        self.expressions.value(statement.test)
        if is_endless(statement):
            self._see_endless(statement)
        self._branches([statement.body, []])
        self.block(statement.orelse)

    def _see_endless(self, loop: ast.stmt) -> None:
        self.watch.see("SPN112", loop, self.frame, "has a loop that nothing ends")

    def _with(self, statement: ast.With | ast.AsyncWith) -> None:
        for item in statement.items:
            values = self.expressions.value(item.context_expr)
            if item.optional_vars is not None:
                self.expressions.assign(item.optional_vars, tuple(each for each in values if isinstance(each, Made)))
        self.block(statement.body)

    _asyncwith = _with

    def _try(self, statement: ast.Try | ast.TryStar) -> None:
        self._branches([statement.body + statement.orelse, *(handler.body for handler in statement.handlers), []])
        self.block(statement.finalbody)

    _trystar = _try

    def _match(self, statement: ast.Match) -> None:
        self.expressions.value(statement.subject)
        for case in statement.cases:
            for part in ast.walk(case.pattern):
                if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
                    self.frame.names[part.name] = ()
            if case.guard is not None:
                self.expressions.value(case.guard)
        self._branches([*(case.body for case in statement.cases), []])


def holds_sql(text: object) -> bool:
    """Return whether a text is a statement of SQL."""
    return isinstance(text, str) and _SQL.search(text) is not None


def _merged(several: Sequence[dict[str, Values]]) -> dict[str, Values]:
    """Return what names stand for after branches: nothing is known where one of them does not say."""
    names = {name for each in several for name in each}
    found: dict[str, Values] = {}
    for name in names:
        found[name] = either(*(each[name] for each in several if name in each))
    return found

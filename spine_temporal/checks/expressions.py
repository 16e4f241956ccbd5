"""What the expressions of a function come to, one after the other, as Python would evaluate them."""

import ast
from collections.abc import Sequence
from pathlib import PurePath
from types import ModuleType
from typing import Any, Protocol

from spine_temporal.checks.attributes import attribute_of, element_of, has_no, is_property, members_of
from spine_temporal.checks.changes import Changes
from spine_temporal.checks.frames import Frame
from spine_temporal.checks.library import CHANGING, Arguments
from spine_temporal.checks.rules import ENVIRONMENT, QUERIES
from spine_temporal.checks.values import (
    Given,
    Group,
    Known,
    Local,
    Made,
    Method,
    Output,
    Value,
    Values,
    constant,
    either,
    is_set,
    texts,
    union,
)
from spine_temporal.checks.watch import Watch

#: Functions to which the order of what they are given means nothing.
_UNORDERED = {"sorted", "len", "any", "all", "sum", "min", "max", "set", "frozenset", "isdisjoint", "update", "Counter"}
#: Those that keep the order in which a set happens to be.
_ORDERED = {"list", "tuple", "enumerate", "iter", "zip", "map", "filter", "join", "extend", "next", "reversed"}
_COMPREHENSIONS = {ast.ListComp: list, ast.GeneratorExp: list, ast.SetComp: set, ast.DictComp: dict}


class Caller(Protocol):
    """Follows a call into the code of a function."""

    def call(self, called: Value, given: Arguments, node: ast.Call, frame: Frame) -> Values:
        """Return what the call gives."""

    def touch(self, values: Values, frame: Frame) -> None:
        """Follow functions that are handed on, as somebody may call them."""


class Expressions:
    """Evaluates the expressions of one frame."""

    def __init__(self, caller: Caller, watch: Watch, frame: Frame) -> None:
        self.caller = caller
        self.watch = watch
        self.frame = frame
        self.changes = Changes(watch, frame)

    def value(self, node: ast.expr) -> Values:
        """Return what an expression may come to, and follow the functions that it hands on."""
        found = self._evaluated(node)
        self.caller.touch(found, self.frame)
        return found

    def _evaluated(self, node: ast.expr) -> Values:
        rule = getattr(self, f"_{type(node).__name__.lower()}", self._parts)
        found: Values = rule(node)
        self.frame.worth[node] = found
        if not (isinstance(node, ast.Name) and node.id in self.frame.names):  # seen where the name got it
            self.watch.look_at(found, node, self.frame)
        return found

    def assign(self, target: ast.expr, values: Values) -> None:
        """Give the values to a name, or take them apart for several."""
        match target:
            case ast.Name(id=name):
                self._assign_name(target, name, values)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                for position, part in enumerate(parts):
                    self.assign(part, self._part(values, position))
            case ast.Starred(value=inner):
                self.assign(inner, (Group(list, others=union(*map(members_of, values)), complete=False),))
            case ast.Attribute(value=base, attr=name):
                self._assign_attribute(target, self._evaluated(base), name, values)
            case ast.Subscript(value=base, slice=key):
                self._assign_element(target, self._evaluated(base), self.value(key), values)

    def _part(self, values: Values, position: int) -> Values:
        key = (Known(position),)
        return union(*(element_of(value, key) for value in values))

    def _assign_name(self, node: ast.expr, name: str, values: Values) -> None:
        if name in self.frame.shared:
            self.changes.name(node, name)
        self.frame.names[name] = values

    def _assign_attribute(self, node: ast.expr, bases: Values, name: str, values: Values) -> None:
        for base in bases:
            if isinstance(base, Made):
                base.fields[name] = union(base.fields.get(name, ()), values)
            self.changes.of(base, node)

    def _assign_element(self, node: ast.expr, bases: Values, keys: Values, values: Values) -> None:
        for base in bases:
            if isinstance(base, Group):
                key = constant(keys)
                base.complete = base.complete and key is not None
                if key is None:
                    base.others = union(base.others, values)
                else:
                    base.items[key] = values
            self.changes.of(base, node)

    # Each kind of expression, by the name of its node.

    def _parts(self, node: ast.expr) -> Values:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return ()

    def _name(self, node: ast.Name) -> Values:
        return self.frame.look_up(node.id)

    def _constant(self, node: ast.Constant) -> Values:
        return (Known(node.value),)

    def _joinedstr(self, node: ast.JoinedStr) -> Values:
        self._parts(node)
        return (Made(str),)

    def _formattedvalue(self, node: ast.FormattedValue) -> Values:
        self.value(node.value)
        return (Made(str),)

    def _compare(self, node: ast.Compare) -> Values:
        left = self.value(node.left)
        others = [self.value(other) for other in node.comparators]
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            for value in others[0]:
                self._note_keys(value, left, node)
        return (Made(bool),)

    def _unaryop(self, node: ast.UnaryOp) -> Values:
        self.value(node.operand)
        return (Made(bool),) if isinstance(node.op, ast.Not) else ()

    def _boolop(self, node: ast.BoolOp) -> Values:
        return either(*[self.value(each) for each in node.values])

    def _ifexp(self, node: ast.IfExp) -> Values:
        self.value(node.test)
        return either(self.value(node.body), self.value(node.orelse))

    def _namedexpr(self, node: ast.NamedExpr) -> Values:
        found = self.value(node.value)
        self.assign(node.target, found)
        return found

    def _binop(self, node: ast.BinOp) -> Values:
        left, right = self.value(node.left), self.value(node.right)
        first, second = constant(left), constant(right)
        if isinstance(node.op, ast.Add) and isinstance(first, str) and isinstance(second, str):
            return (Known(first + second),)
        paths = [each for each in (*left, *right) if _is_path(each)]
        if paths and isinstance(node.op, ast.Div):
            return tuple(paths[:1])
        return tuple(Group(set, others=members_of(each)) for each in left if is_set(each))

    def _attribute(self, node: ast.Attribute) -> Values:
        found: Values = ()
        for base in self._evaluated(node.value):
            if base is Given.CONTEXT and has_no(node.attr):
                self.watch.see(
                    "SPN405", node, self.frame, f"asks the context for {node.attr!r}, which it does not have"
                )
            if isinstance(base, Known) and isinstance(base.value, ModuleType):
                self._note_environment(f"{base.value.__name__}.{node.attr}", node)
            of_base = attribute_of(base, node.attr)
            if is_property(base, node.attr):
                of_base = union(*(self._got(each, node) for each in of_base))
            found = union(found, of_base)
        return found or (Method(Made(object), node.attr),)

    def _note_environment(self, name: str, node: ast.Attribute) -> None:
        if name in ENVIRONMENT:
            self.watch.see("SPN103", node, self.frame, f"reads {name}, which differs between workers")

    def _got(self, getter: Value, node: ast.Attribute) -> Values:
        call = ast.copy_location(ast.Call(func=node, args=[], keywords=[]), node)
        return self.caller.call(getter, Arguments(), call, self.frame)

    def _subscript(self, node: ast.Subscript) -> Values:
        bases, keys = self._evaluated(node.value), self.value(node.slice)
        if isinstance(node.slice, ast.Slice):
            return (Group(list, others=union(*map(members_of, bases)), complete=False),)
        for base in bases:
            self._note_keys(base, keys, node)
        return union(*(element_of(base, keys) for base in bases))

    def _note_keys(self, base: Value, keys: Values, node: ast.expr) -> None:
        """Note that an output is read, of each key that the code may mean."""
        for key in texts(keys):
            if isinstance(base, Output) and not base.is_its_own(key):
                self.watch.read(base.step, key, node, self.frame, within=base.path)
            elif base is Given.OUTPUTS:
                self.watch.read(key, None, node, self.frame)

    def _starred(self, node: ast.Starred) -> Values:
        return self.value(node.value)

    def _lambda(self, node: ast.Lambda) -> Values:
        return (Local(node, self.frame),)

    def _dict(self, node: ast.Dict) -> Values:
        made = Group(dict)
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else constant(self.value(key))
            values = self.value(value)
            if name is None:
                made.complete, made.others = False, union(made.others, values if key else ())
            else:
                made.items[name] = values
        return (made,)

    def _sequence(self, node: Any) -> Values:
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        values = [self.value(each) for each in node.elts]
        if any(isinstance(each, ast.Starred) for each in node.elts):
            return (Group(kind, complete=False),)
        return (Group(kind, items=dict(enumerate(values))),)

    _list = _tuple = _set = _sequence

    def _comprehension(self, node: Any) -> Values:
        kind = _COMPREHENSIONS[type(node)]
        kept, self.frame.unordered = self.frame.unordered, self.frame.unordered + (kind is set)
        for part in node.generators:
            self.assign(part.target, self.members(part.iter))
            for test in part.ifs:
                self.value(test)
        self.frame.unordered = kept
        if kind is dict:
            self.value(node.key)
            return (Group(dict, others=self.value(node.value), complete=False),)
        return (Group(kind, others=self.value(node.elt), complete=False),)

    _listcomp = _setcomp = _dictcomp = _generatorexp = _comprehension

    def members(self, node: ast.expr) -> Values:
        """Return what an iteration over an expression gives, and see where its order is a set's."""
        values = self.value(node)
        self._order(values, node)
        if any(isinstance(value, Known) and type(value.value) is dict for value in values):
            return ()  # its keys
        return union(*map(members_of, values))

    def _order(self, values: Values, node: ast.expr) -> None:
        if any(map(is_set, values)) and not self.frame.unordered:
            self.watch.see("SPN109", node, self.frame, "goes through a set, whose order differs between processes")

    def _call(self, node: ast.Call) -> Values:
        called = self._evaluated(node.func)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        self.frame.unordered += name in _UNORDERED
        given = self._arguments(node)
        self.frame.unordered -= name in _UNORDERED
        if name in _ORDERED:
            for values in given.positional:
                self._order(values, node)
        found: list[Values] = []
        for each in called:
            if isinstance(each, Method):
                self._note_method(each, given, node)
            found.append(self.caller.call(each, given, node, self.frame))
        return union(*found) if all(found) else ()

    def _note_method(self, method: Method, given: Arguments, node: ast.Call) -> None:
        if method.name == "get":
            self._note_keys(method.receiver, given.first, node)
        if method.name in CHANGING:
            self.changes.of(method.receiver, node)
        if method.name == "pop" and is_set(method.receiver):
            self._order((method.receiver,), node)
        if method.name in QUERIES and isinstance(method.receiver, Made) and method.receiver.cls is object:
            self.watch.see("SPN107", node, self.frame, f"calls {method.name}() as of a database")

    def _arguments(self, node: ast.Call) -> Arguments:
        spread = any(isinstance(each, ast.Starred) for each in node.args)
        positional: list[Values] = []
        for each in node.args:
            values = self.value(each)
            seen = isinstance(each, ast.Starred) and self._spread(values)
            positional.extend(seen if isinstance(seen, list) else [() if isinstance(each, ast.Starred) else values])
        given = [(each.arg, self.value(each.value)) for each in node.keywords]
        named = {name: values for name, values in given if name is not None}
        return Arguments(positional=tuple(positional), named=named, spread=spread or len(named) < len(given))

    def _spread(self, values: Values) -> Sequence[Values] | None:
        if len(values) == 1 and isinstance(values[0], Group) and values[0].kind in {list, tuple} and values[0].complete:
            return list(values[0].items.values())
        return None


def _is_path(value: Value) -> bool:
    if isinstance(value, Known):
        return isinstance(value.value, PurePath)
    return isinstance(value, Made) and issubclass(value.cls, PurePath)

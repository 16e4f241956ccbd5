"""Good workflows made bad, one change at a time, always the same ones."""

import ast
import copy

#: What is written in front of the workflow, and in the gate, so that the gate reads the clock.
CLOCKS = {
    "clock": ("import datetime as _dates", "_dates.datetime.now()"),
    "clock two calls deep": (
        "import time\ndef _stamp():\n    return time.time()\ndef _age():\n    return _stamp()",
        "_age()",
    ),
    "clock through a dict": ("import time\n_CLOCKS = {'now': time.time}", "_CLOCKS['now']()"),
}
READERS = {"get_output", "has_output"}


def mutants(kind, text):
    """Yield the sources that a kind of change makes of a module."""
    tree = ast.parse(text)
    for number in range(len(list(_sites(kind, tree)))):
        changed = copy.deepcopy(tree)
        _change(kind, changed, list(_sites(kind, changed))[number])
        yield ast.unparse(ast.fix_missing_locations(changed))


def _gates(tree):
    """Yield the functions that are called as gates are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args]
            if names[-2:] == ["ctx", "config"] and not _is_wrapper(node):
                yield node


def _is_wrapper(node):
    return any(isinstance(each, ast.Call) for each in node.decorator_list)


def _sites(kind, tree):
    for gate in _gates(tree):
        if kind in CLOCKS:
            yield gate
        elif kind in {"return dropped", "return removed"}:
            yield from (each for each in ast.walk(gate) if isinstance(each, ast.Return))
        elif kind == "signature changed":
            yield from ((gate, how) for how in ("lacks", "turned", "asks for more"))
    if kind == "output renamed":
        yield from _names_of_outputs(tree)


def _names_of_outputs(tree):
    """Yield the steps and the keys that are read, and the keys of a gate's output that another gate reads."""
    read = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in READERS:
            read += [each for each in node.args[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    yield from read
    names = {each.value for each in read}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") == "Step":
            name = node.args[0]
            if isinstance(name, ast.Constant) and name.value in names:
                yield name


def _change(kind, tree, site):
    if kind in CLOCKS:
        before, call = CLOCKS[kind]
        site.body.insert(0, ast.parse(call).body[0])
        tree.body[:0] = ast.parse(before).body
    elif kind == "return dropped":
        _put(tree, site, ast.Expr(value=site.value))
    elif kind == "return removed":
        _put(tree, site, ast.Pass())
    elif kind == "output renamed":
        site.value += "_renamed"
    else:
        gate, how = site
        names = gate.args.args
        if how == "lacks":
            names.pop()
        elif how == "turned":
            names[-2], names[-1] = names[-1], names[-2]
        else:
            names.append(ast.arg(arg="limits"))


def _put(tree, site, instead):
    for node in ast.walk(tree):
        for body in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(body, list) and site in body:
                body[body.index(site)] = instead

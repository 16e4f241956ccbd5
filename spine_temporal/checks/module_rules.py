"""Rules of the modules that hold workflows and pipelines: SPN503, SPN504, SPN507 to SPN509."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from spine_temporal.checks.findings import Finding
from spine_temporal.checks.loaded import Loaded
from spine_temporal.checks.places import assignment_of, place_at
from spine_temporal.checks.rules import HEAVY
from spine_temporal.checks.sources import Source
from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.definition.workflow import Workflow

#: How deep containers are looked into.
_DEPTH = 3


def module_findings(loaded: Loaded) -> Iterator[Finding]:
    """Yield what is wrong in each module, outside of the code of its steps."""
    gated = {each.module.__name__ for each in loaded.workflows}
    for module in loaded.modules:
        source = loaded.source_of(module)
        if source is None:
            continue
        yield from _held(module, source, loaded)
        yield from _in_functions(module, source, loaded)
        yield from _ignored_results(source)
        yield from _classes(module, source, loaded)
        if module.__name__ in gated:
            yield from _heavy_imports(source)


def _held(module: ModuleType, source: Source, loaded: Loaded) -> Iterator[Finding]:
    """Yield workflows that are in a list, a dict or a class, and nowhere by a name of their own."""
    known = {id(each) for each in loaded.seen_by_workers}
    for attribute, value in list(vars(module).items()):
        assigned = assignment_of(source, attribute) or _class_in(source, attribute)
        if assigned is None or attribute.startswith("__"):
            continue
        for workflow in _workflows_in(value, _DEPTH):
            if id(workflow) not in known:
                message = f"workflow {workflow.name!r} is in {attribute}, where a worker does not look"
                yield Finding.of("SPN504", place_at(source.file, _named(source, workflow.name) or assigned), message)


def _workflows_in(value: Any, depth: int) -> Iterator[Workflow]:
    if isinstance(value, Workflow):
        yield value
    elif depth and isinstance(value, Mapping):
        yield from (found for each in value.values() for found in _workflows_in(each, depth - 1))
    elif depth and isinstance(value, list | tuple | set | frozenset):
        yield from (found for each in value for found in _workflows_in(each, depth - 1))
    elif depth and isinstance(value, type):
        yield from (found for each in list(vars(value).values()) for found in _workflows_in(each, depth - 1))


def _class_in(source: Source, name: str) -> ast.stmt | None:
    return next((each for each in source.tree.body if isinstance(each, ast.ClassDef) and each.name == name), None)


def _named(source: Source, name: str) -> ast.Call | None:
    """Return the call that makes a workflow of this name."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and _name_given(node) == name:
            return node
    return None


def _name_given(call: ast.Call) -> str | None:
    given = [*(each.value for each in call.keywords if each.arg == "name"), *call.args[:1]]
    value = given[0].value if given and isinstance(given[0], ast.Constant) else None
    return value if isinstance(value, str) else None


def _in_functions(module: ModuleType, source: Source, loaded: Loaded) -> Iterator[Finding]:
    """Yield workflows that a function makes, where nothing that a worker finds was made by it."""
    seen = {each.name for each in loaded.seen_by_workers}
    loads = {node.id for node in source.nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for function in source.functions:
        if isinstance(function, ast.Lambda):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and _makes_workflow(call, module):
                name = _name_given(call)
                if name not in seen if name is not None else function.name not in loads:
                    what = f"workflow {name!r}" if name is not None else "a workflow"
                    message = f"{what} is made in the function {function.name}, where a worker does not look"
                    yield Finding.of("SPN504", place_at(source.file, call), message)


def _makes_workflow(call: ast.Call, module: ModuleType) -> bool:
    name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
    made = getattr(module, str(name), None)
    if isinstance(call.func, ast.Name):
        return isinstance(made, type) and issubclass(made, Workflow)
    return name == Workflow.__name__


def _ignored_results(source: Source) -> Iterator[Finding]:
    runners = {
        target.id
        for node in source.nodes
        if isinstance(node, ast.Assign) and _is_runner(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in source.nodes:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr="execute"))):
                if _is_runner(owner) or getattr(owner, "id", None) in runners:
                    yield Finding.of("SPN508", place_at(source.file, node), "the result of a run is ignored")


def _is_runner(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "WorkflowRunner"


def _classes(module: ModuleType, source: Source, loaded: Loaded) -> Iterator[Finding]:
    registered = {(each.__module__, each.__qualname__) for each in loaded.pipelines.values()}
    for name, cls in list(vars(module).items()):
        if not (isinstance(cls, type) and issubclass(cls, Pipeline) and cls.__module__ == module.__name__):
            continue
        is_base = name.startswith("_") or cls.__subclasses__() or inspect.isabstract(cls)
        if (cls.__module__, cls.__qualname__) in registered or is_base:
            continue
        place = place_at(source.file, _class_in(source, name))
        if cls.run is Pipeline.run:
            yield Finding.of("SPN503", place, f"the pipeline {name} has no run()")
        else:
            yield Finding.of("SPN509", place, f"the pipeline {name} is not registered")


def _heavy_imports(source: Source) -> Iterator[Finding]:
    for statement in source.tree.body:
        names = [each.name for each in statement.names] if isinstance(statement, ast.Import) else []
        if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names = [statement.module]
        for name in names:
            if name.partition(".")[0] in HEAVY:
                yield Finding.of("SPN507", place_at(source.file, statement), f"the module of gates imports {name}")

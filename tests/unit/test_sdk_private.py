"""The private names of Temporal's SDK: each is as we know it, one file alone uses them, and we can do without."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from spine_temporal import sdk_private
from spine_temporal.sdk_private import GUARD, OTHERS, PrivateName, moved, no_guard
from spine_temporal.translation.runner import _Guarded

ROOT = Path(__file__).resolve().parents[2]
ONE_FILE = ROOT / "spine_temporal" / "sdk_private.py"
IMPORTER = "temporalio.worker.workflow_sandbox._importer"


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def imported(tree):
    """Return what a module imports from the SDK: by the name that it has there, the module and its name in it."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "temporalio"
        for alias in node.names
    }


def root_of(node):
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else None


def private_imports(tree):
    modules = [f"{module}.{name}" for module, name in imported(tree).values()]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    for name in modules:
        if name.partition(".")[0] == "temporalio" and any(map(is_private, name.split("."))):
            yield name


def private_attributes(tree):
    """Yield private attributes of what is imported from the SDK, or of modules of it."""
    roots = {*imported(tree), "temporalio"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and root_of(node) in roots:
            yield ast.unparse(node)


def private_overrides(tree):
    """Yield private methods that a class of the SDK has, of a subclass."""
    known = imported(tree)
    for node in ast.walk(tree):
        bases = [root_of(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
        for module, name in (known[base] for base in bases if base in known):
            base = getattr(import_module(module), name)
            methods = [one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            yield from (f"{name}.{one}" for one in methods if is_private(one) and hasattr(base, one))


def private_names(source):
    tree = ast.parse(source)
    return {*private_imports(tree), *private_attributes(tree), *private_overrides(tree)}


def test_each_private_name_is_as_we_know_it():
    assert moved([*GUARD, *OTHERS]) == []
    assert no_guard() == []
    assert _Guarded.__abstractmethods__ == frozenset()


def test_a_name_that_is_gone_or_has_another_signature_is_said_with_its_name():
    names = [
        PrivateName(module="temporalio.nowhere", name="Thing", parameters=()),
        PrivateName(module=IMPORTER, name="Gone", parameters=()),
        PrivateName(module=IMPORTER, name="Importer", parameters=("restrictions",)),
        PrivateName(module=IMPORTER, name="Importer.current_importer"),
    ]
    assert moved(names) == [
        "temporalio.nowhere.Thing is gone",
        f"{IMPORTER}.Gone is gone",
        f"{IMPORTER}.Importer takes ('restrictions', 'restriction_context', 'workflow_module_name'), and not "
        "('restrictions',)",
    ]


def test_a_switch_of_the_sandbox_that_is_gone_is_said_with_its_name(monkeypatch):
    class Context:
        def __init__(self):
            self.is_runtime = False

    monkeypatch.setattr(sdk_private, "RestrictionContext", Context)
    assert no_guard() == ["RestrictionContext.in_activation is gone"]


def test_where_the_sandbox_has_its_modules_is_said_where_it_is_gone(monkeypatch):
    monkeypatch.setattr(sdk_private, "MODULES", "modules_of_old")
    assert no_guard() == ["Importer.modules_of_old is gone"]


def test_no_other_file_uses_a_private_name_of_the_sdk():
    for path in (ROOT / "spine_temporal").rglob("*.py"):
        if path != ONE_FILE:
            assert private_names(path.read_text()) == set(), f"{path}: through spine_temporal/sdk_private.py"


def test_every_private_name_that_the_one_file_uses_is_looked_after():
    used = {name.rpartition(".")[2] for name in private_names(ONE_FILE.read_text())}
    assert used == {name.name.rpartition(".")[2] for name in (*GUARD, *OTHERS)} - {"applied"}


@pytest.mark.parametrize(
    "line",
    [
        "from temporalio.worker._worker import Worker",
        "from temporalio.worker import _worker",
        "import temporalio.worker._worker",
        "import temporalio.worker\ntemporalio.worker._worker",
        "from temporalio import workflow as temporal\ntemporal.unsafe._set_in_sandbox(True)",
        "from temporalio.converter import ExternalStorage\n"
        "class Mine(ExternalStorage):\n    async def _retrieve_payload(self, payload): ...",
    ],
)
def test_each_way_to_a_private_name_is_found(line):
    assert private_names(line)


WITHOUT = f"""
import asyncio
import sys
import temporalio.worker
sys.modules[{IMPORTER!r}] = None
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import _Definition
from spine_temporal.runtime.plugin import SpinePlugin
from tests.temporal import jobs
from spine_temporal.translation.translate import translate

runner = SpinePlugin(workflows=[jobs.GATED], in_process=True)._runner(None)
assert type(runner) is SandboxedWorkflowRunner, runner


async def prepares():
    runner.prepare_workflow(_Definition.must_from_class(translate(jobs.GATED)))


asyncio.run(prepares())
"""


def test_without_the_private_names_temporals_own_sandbox_has_the_workflows_and_the_log_says_why():
    ended = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert f"gates run in Temporal's own sandbox, in the worker itself: {IMPORTER}.Importer is gone" in ended.stderr

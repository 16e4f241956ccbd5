"""The rooms' walls: who may import what."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IO = {
    "sqlalchemy",
    "psycopg",
    "alembic",
    "httpx",
    "requests",
    "socket",
    "subprocess",
    "urllib",
    "http",
    "typer",
    "rich",
}
WALLS = {
    "workflows": IO | {"activities", "temporalio"},
    "activities": {"workflows", "temporalio"},
    "domains": IO | {"temporalio", "spine_temporal", "activities", "workflows"},
    "spine": IO | {"temporalio", "activities", "workflows", "domains"},
    "spine_temporal/definition": IO | {"temporalio", "activities", "workflows", "domains"},
    "spine_temporal/machine": IO | {"temporalio", "activities", "workflows", "domains"},
    "spine_temporal/translation": IO | {"activities", "workflows", "domains"},
    "spine_temporal/drawing": IO | {"temporalio", "activities", "workflows", "domains"},
    "spine_temporal/scaffold": IO | {"temporalio", "activities", "workflows", "domains"},
    "spine_temporal": {"activities", "workflows", "domains"},
}


def imports(path, *, at_load=False):
    tree = ast.parse(path.read_text())
    for node in tree.body if at_load else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inside = node.module == "spine_temporal"  # its names may be rooms
            yield from [f"{node.module}.{name.name}" for name in node.names] if inside else [node.module]


@pytest.mark.parametrize("room", WALLS)
def test_a_room_imports_nothing_from_beyond_its_walls(room):
    for path in (ROOT / room).rglob("*.py"):
        beyond = {name for name in imports(path) if name.partition(".")[0] in WALLS[room]}
        assert not beyond, f"{path} imports {beyond}"


def test_a_module_that_each_run_loads_anew_loads_no_database_with_it():
    """A gate's module is loaded for each run: SQLAlchemy in it costs each run 0.3 s."""
    for path in [*(ROOT / "tests").rglob("*.py"), *(ROOT / "ops").rglob("*.py")]:
        if path.parent.name == "corpus":
            continue  # what is wrong there is found by its own test
        if not path.name.startswith("test_") and re.search(r"\bWorkflow\(", path.read_text()):
            loaded = {name for name in imports(path, at_load=True) if name.partition(".")[0] in IO}
            assert not loaded, f"{path} imports {loaded}: import it where a pipeline runs"


_PURE = {"definition", "machine"}
_SERVICE = {*_PURE, "translation", "recording", "checks", "settings", "project", "sdk_private"}
#: What each room of the package may import beside itself.
ROOMS = {
    "definition": set(),
    "machine": {"definition"},
    "translation": {*_PURE, "sdk_private"},
    "recording": {*_PURE, "sdk_private"},
    "checks": {"definition"},
    "drawing": _PURE,
    "scaffold": {"definition"},
    "pins": _PURE,
    "replaying": {*_PURE, "translation", "runtime", "operating", "client"},
    "testing": {*_SERVICE, "embedded", "runtime", "operating", "client", "pins", "replaying"},
    "embedded": {"definition"},
    "runtime": _SERVICE,
    "operating": {*_SERVICE, "runtime"},
    "client": {*_SERVICE, "embedded", "runtime", "operating", "drawing"},
    "cli": {*_SERVICE, "embedded", "runtime", "operating", "client", "drawing", "pins", "replaying", "scaffold"},
}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way(room):
    for path in (ROOT / "spine_temporal" / room).rglob("*.py"):
        inside = {name.split(".")[1] for name in imports(path) if name.startswith("spine_temporal.")}
        assert inside <= {room, *ROOMS[room]}, path


def loading(path):
    """Return the modules of the package that a module imports, but for what only a type checker reads."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spine_temporal"):
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from (name if name in MODULES else node.module for name in names)


MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "spine_temporal").rglob("*.py")}


def test_no_modules_import_each_other_in_a_circle():
    left = {name: set(loading(ROOT / f"{name.replace('.', '/')}.py")) & MODULES - {name} for name in MODULES}
    while free := {name for name, needed in left.items() if not needed}:
        left = {name: needed - free for name, needed in left.items() if name not in free}
    assert left == {}


def test_each_room_has_its_line():
    rooms = {path.parent.name for path in (ROOT / "spine_temporal").glob("*/__init__.py")}
    assert rooms == ROOMS.keys()


def test_one_place_knows_where_the_shared_folder_is():
    for path in (ROOT / "tests").rglob("*.py"):
        if path not in {ROOT / "tests" / "conftest.py", Path(__file__).resolve()}:
            assert not re.search(r"""["'/]shared["'/]""", path.read_text()), f"{path}: use the fixture `shared`"


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return set(output.split())


def test_the_public_door_loads_neither_temporal_nor_postgres():
    assert not loaded_by("import spine_temporal") & {"temporalio", "sqlalchemy", "psycopg", "alembic", "typer"}


def test_spines_own_names_of_workflows_load_neither_temporal_nor_postgres():
    heavy = {"temporalio", "sqlalchemy", "psycopg", "alembic", "typer"}
    names = "Step, StepResult, Workflow, WorkflowContext, WorkflowStatus"
    assert not loaded_by(f"from spine.orchestration import {names}; import spine.orchestration.step_types") & heavy
    assert not loaded_by("from spine.framework.registry import register_pipeline; import spine.framework") & heavy


def test_help_loads_neither_temporal_nor_postgres():
    statement = "from spine_temporal.cli import main; main.add_service_commands(main.app)"
    assert not loaded_by(statement) & {"temporalio", "sqlalchemy", "psycopg", "alembic"}

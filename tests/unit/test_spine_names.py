"""Spine's own names are ours where no real Spine is, and stay out of the way of one that is."""

import importlib
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from shutil import copytree

import pytest

import spine_temporal
from tests.conftest import ROOT

NAMES = {
    "spine.orchestration": "Workflow Step StepResult WorkflowRunner WorkflowStatus WorkflowResult WorkflowContext "
    "ErrorPolicy RetryPolicy ErrorCategory QualityMetrics StepExecution StepStatus",
    "spine.orchestration.workflow": "Workflow",
    "spine.orchestration.step_types": "Step ErrorPolicy RetryPolicy",
    "spine.orchestration.step_result": "StepResult QualityMetrics ErrorCategory",
    "spine.orchestration.workflow_context": "WorkflowContext",
    "spine.orchestration.workflow_runner": "WorkflowRunner WorkflowResult WorkflowStatus StepExecution",
    "spine.core.manifest": "WorkManifest",
    "spine.core.anomalies": "AnomalyRecorder Severity",
    "spine.core.errors": "SpineError ErrorCategory",
    "spine.core.rejects": "Reject RejectSink",
    "spine.framework": "Pipeline PipelineResult PipelineStatus register_pipeline",
    "spine.framework.pipelines": "Pipeline PipelineResult PipelineStatus",
    "spine.framework.registry": "register_pipeline",
}
#: How a package lets others have a part of it.
EXTENDED = "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)"
#: The files of a real Spine, as far as a name of ours is there too, and what each says of itself.
REAL = {
    "__init__.py": f"{EXTENDED}\nfrom spine.core import *",
    "core/__init__.py": "from spine.core.manifest import WorkManifest",
    "core/manifest.py": "class WorkManifest: pass",
    "framework/__init__.py": "from spine.framework.registry import register_pipeline",
    "framework/registry.py": "def register_pipeline(name): pass",
    "orchestration/__init__.py": "from spine.orchestration.workflow import Workflow",
    "orchestration/workflow.py": "class Workflow: pass",
}
ASKED = """
from spine.core.manifest import WorkManifest
from spine.framework.registry import register_pipeline
from spine.orchestration import Workflow
print(*(each.__module__ for each in (WorkManifest, register_pipeline, Workflow)))
"""
OF_REAL = ["spine.core.manifest", "spine.framework.registry", "spine.orchestration.workflow"]
OURS = ["spine_temporal.recording.manifest", "spine_temporal.definition.pipeline", "spine_temporal.definition.workflow"]


@pytest.mark.parametrize("module", NAMES)
def test_each_name_is_ours(module):
    for name in NAMES[module].split():
        mine = getattr(importlib.import_module(module), name)
        assert mine is getattr(spine_temporal, name), name
        assert mine.__module__.startswith("spine_temporal.")


def test_a_name_that_there_is_not_is_told_as_of_any_module():
    with pytest.raises(ImportError, match=r"cannot import name 'PipelineGroup' from 'spine.orchestration'"):
        exec("from spine.orchestration import PipelineGroup", {})


def asked(*folders, code=ASKED):
    """Run code with these folders before all others, as installed packages lie in them."""
    program = f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n{code}"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd="/",
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


def write(folder, files):
    for name, text in files.items():
        path = folder / "spine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return folder


@pytest.fixture
def installed(tmp_path):
    """A folder with what our wheel has of Spine's names, as pip installs it."""
    copytree(ROOT / "spine", tmp_path / "site" / "spine")
    return tmp_path / "site"


def test_without_a_real_spine_they_are_ours(installed):
    assert asked(installed) == OURS


def test_in_the_folder_of_a_real_spine_they_are_the_real_ones_and_no_file_is_overwritten(installed):
    ours = {path.relative_to(installed / "spine").as_posix() for path in (installed / "spine").rglob("*.py")}
    assert ours.isdisjoint(REAL)
    assert asked(write(installed, REAL)) == OF_REAL


@pytest.mark.parametrize("is_first", [True, False])
def test_in_another_folder_than_a_real_spine_they_are_the_real_ones_whichever_comes_first(
    installed, tmp_path, is_first
):
    real = write(tmp_path / "real", REAL)
    assert asked(*([installed, real] if is_first else [real, installed])) == OF_REAL


@pytest.mark.parametrize("init", [{}, {"__init__.py": EXTENDED}])
def test_a_users_own_domains_below_spine_are_found_beside_them(installed, tmp_path, init):
    code = "from spine.orchestration import Workflow\nfrom spine.domains.shop import NAME\nprint(NAME)"
    users = write(tmp_path / "users", {**init, "domains/shop.py": "NAME = 'shop'"})
    assert asked(users, installed, code=code) == ["shop"]


def test_the_wheel_has_them_and_no_file_that_would_make_spine_a_package_of_ours():
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "spine").rglob("*.py")}
    for name in (".".join(folder.parts) for folder in folders):
        assert any(fnmatchcase(name, pattern) for pattern in included), name
    assert not list((ROOT / "spine").rglob("__init__.py"))
    assert {path.stem for path in (ROOT / "spine").glob("*.py")} == {"core", "framework", "orchestration"}

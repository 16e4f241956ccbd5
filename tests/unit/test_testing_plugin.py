"""The plugin is loaded by every pytest beside which it is installed, so it loads nothing itself."""

import subprocess
import sys
import tomllib

from spine_temporal import testing
from spine_temporal.testing.crash_points import CrashPoint
from tests.conftest import ROOT


def test_the_plugin_loads_neither_temporal_nor_postgres():
    code = "import sys, spine_temporal.testing.plugin; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"temporalio", "sqlalchemy", "psycopg", "alembic"} & set(loaded.split())


def test_what_the_kit_offers_is_there():
    assert all(callable(getattr(testing, name)) for name in testing.__all__)
    assert set(testing.__all__) == set(testing._LAZY)


def test_the_plugin_is_registered_under_its_modules_name_so_that_it_is_loaded_once():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert declared == {"spine_temporal.testing.plugin": "spine_temporal.testing.plugin"}


def test_each_boundary_of_a_crash_has_its_patch():
    from spine_temporal.testing import crashing

    assert set(crashing._POINTS) == set(CrashPoint)

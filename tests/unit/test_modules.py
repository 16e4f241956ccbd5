"""Which modules a setting names: a package with everything below it; and what is told of one that is not there."""

import sys
from pathlib import Path

import pytest

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.modules import imported_modules


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write files of the package ``shop``; what is imported of it is forgotten at the end."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(*files):
        for file in map(Path, files):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text("" if file.name == "__init__.py" else f"NAME = {file.stem!r}\n")

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def test_everything_below_a_package_is_loaded_be_there_an_init_file_or_not(package):
    package(
        "shop/__init__.py",
        "shop/plain/pipelines.py",
        "shop/plain/deeper/more.py",
        "shop/plain/told/__init__.py",
        "shop/plain/told/gates.py",
        "shop/told/__init__.py",
        "shop/told/plain/last.py",
        "shop/not a package/below/no.py",
        "shop/plain/migrations/versions/shop_0001.py",
    )
    names = [module.__name__ for module in imported_modules(["shop"])]
    assert len(names) == len(set(names))
    assert {name for name in names if hasattr(sys.modules[name], "NAME")} == {
        "shop.plain.pipelines",
        "shop.plain.deeper.more",
        "shop.plain.told.gates",
        "shop.told.plain.last",
    }


@pytest.mark.parametrize("name", ["shopp", "shop.nothing", "shopp.deep.er"])
def test_of_a_module_that_is_not_there_it_is_told_where_it_is_named(package, name):
    package("shop/__init__.py")
    with pytest.raises(DefinitionError, match=f"^there is no module '{name}': correct SPINE_MODULES, or modules in"):
        imported_modules([name])


def test_of_a_module_that_imports_what_is_not_there_the_place_is_told(package, tmp_path):
    package("shop/__init__.py")
    (tmp_path / "shop" / "gates.py").write_text("import shop.nothing\n")
    told = r"module 'shop.gates' cannot be imported: ModuleNotFoundError: No module named 'shop.nothing' \(.*gates.py:1"
    with pytest.raises(DefinitionError, match=told):
        imported_modules(["shop"])


def test_where_the_modules_define_no_workflow_it_is_told_where_to_go():
    with pytest.raises(DefinitionError, match="the loaded modules have none: go to the folder of your project, or"):
        Definitions().workflow("prices.daily")

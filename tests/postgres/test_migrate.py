"""A database is read by whoever knows the core's revisions, and upgraded only by who knows all that it has."""

import sys

import pytest
from sqlalchemy import text

from spine_temporal import ErrorCategory, SpineError
from spine_temporal.recording.migrate import require_current, upgrade

MODULES = ("activities", "workflows")


def test_it_is_current_also_where_the_modules_of_its_domains_are_not_loaded(database):
    require_current(database, MODULES)
    require_current(database)
    assert upgrade(database)


def test_an_older_one_is_told_and_one_of_unknown_modules_is_not_upgraded(database):
    with database.begin() as connection:
        connection.execute(text("DELETE FROM core_schema_versions WHERE version_num LIKE 'core%'"))
    with pytest.raises(SpineError, match="not up to date: run `spine-temporal db upgrade`"):
        require_current(database)
    with pytest.raises(SpineError, match=r"revisions finra_otc_\d+, which the loaded modules do not know: load"):
        upgrade(database)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Write a revision of the domain ``shop``, which follows another; the modules to upgrade with."""
    versions = tmp_path / "shop" / "migrations" / "versions"
    versions.mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def write(revision, follows, upgrade, file=None):
        head = f"from alembic import op\nrevision = {revision!r}\ndown_revision = {follows!r}\n"
        (versions / f"{file or revision}.py").write_text(f"{head}def upgrade():\n    {upgrade}\n")
        return (*MODULES, "shop")

    yield write
    sys.modules.pop("shop", None)


FILE = r"shop/migrations/versions/shop_0002.py"
UNLOADED = "^the migrations cannot be loaded: "


@pytest.mark.parametrize(
    ("revision", "follows", "upgrade_", "told"),
    [
        ("shop_0002", "shop_0001", "return (", rf"{UNLOADED}SyntaxError: .+ \({FILE}:5\)$"),
        ("shop_0002", "shop_1", "pass", f"{UNLOADED}Revision shop_1 referenced from .+ is not present"),
        ("shop_0001", None, "pass", f"{UNLOADED}Revision shop_0001 is present more than once"),
        ("shop_0002", "shop_0001", "op.execute('ALTER TABL x')", rf"^SQLSTATE 42601: .+ \({FILE}:5 in upgrade\)$"),
        ("shop_0002", "shop_0001", "nothing()", rf"^a migration fails: NameError: .+ \({FILE}:5 in upgrade\)$"),
    ],
)
def test_a_wrong_revision_is_told_with_its_place_and_nothing_is_changed(
    database, shop, revision, follows, upgrade_, told
):
    shop("shop_0001", None, "op.execute('CREATE TABLE shop_sale (day date)')")
    modules = shop(revision, follows, upgrade_, file="shop_0002")
    with pytest.raises(SpineError, match=told) as refusal:
        upgrade(database, modules)
    assert refusal.value.category is ErrorCategory.CONFIGURATION
    with database.begin() as connection:
        assert connection.execute(text("SELECT to_regclass('shop_sale')")).scalar() is None
    assert "shop_0002" in upgrade(database, shop("shop_0002", "shop_0001", "pass"))

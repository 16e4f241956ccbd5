"""Bring a database to the newest revision: the core's, and those of the service's domains."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.recording.database import Database

VERSION_TABLE = "core_schema_versions"
_CORE = Path(__file__).parent / "migrations"
#: Two upgrades at once take turns.
_LOCK = 7_325_118_604_013_001


def upgrade(database: Database, modules: Iterable[str] = ()) -> list[str]:
    """Run the revisions that are missing, all or none; return the newest of every branch.

    ``modules`` are the packages whose ``migrations/versions`` folders are looked for, at any depth.
    """
    config = _config(modules)
    with database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if not _is_current(connection, config):
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
    return sorted(ScriptDirectory.from_config(config).get_heads())


def require_current(database: Database, modules: Iterable[str] = ()) -> None:
    """Raise ``SpineError`` where the database lacks a revision."""
    config = _config(modules)
    with database.begin() as connection:
        if not _is_current(connection, config):
            raise SpineError(
                "the database's schema is not up to date: run `spine-temporal db upgrade`", ErrorCategory.CONFIGURATION
            )


def _is_current(connection: Connection, config: Config) -> bool:
    known = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
    return set(known) == set(ScriptDirectory.from_config(config).get_heads())


def _config(modules: Iterable[str]) -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped(_CORE))
    folders = [_CORE / "versions", *_domain_folders(modules)]
    config.set_main_option("version_path_separator", "newline")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(_escaped(folder) for folder in folders))
    return config


def _domain_folders(modules: Iterable[str]) -> list[Path]:
    """Find the domains' revisions without importing anything but the packages' parents."""
    found: list[Path] = []
    for module in modules:
        spec = None if module.endswith(".py") else importlib.util.find_spec(module)
        for location in (spec.submodule_search_locations or []) if spec else []:
            found += sorted(Path(location).glob("**/migrations/versions"))
    return found


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")

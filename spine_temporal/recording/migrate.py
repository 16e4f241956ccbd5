"""Bring a database to the newest revision: the core's, and those of the service's domains."""

import importlib.util
import warnings
from collections.abc import Iterable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import describe, fault_of
from spine_temporal.recording.database import Database

VERSION_TABLE = "core_schema_versions"
_CORE = Path(__file__).parent / "migrations"
_CORE_BRANCH = "core"
#: Two upgrades at once take turns.
_LOCK = 7_325_118_604_013_001


def upgrade(database: Database, modules: Iterable[str] = ()) -> list[str]:
    """Run the revisions that are missing, all or none; return what the database is at, of every branch.

    ``modules`` are the packages whose ``migrations/versions`` folders are looked for, at any depth. A database that is
    ahead of this build is left as it is. Raises ``SpineError`` where this build cannot work on it, and for a revision
    that cannot be loaded or fails.
    """
    config = _config(modules)
    try:
        with database.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            return _upgraded(connection, config)
    except SpineError as error:
        raise fault_of(error) from None


def _upgraded(connection: Connection, config: Config) -> list[str]:
    schema = _Schema(connection, config)
    schema.require_accepted()
    if schema.lacking:
        schema.require_known()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "heads")
        except (SpineError, SQLAlchemyError):
            raise
        except Exception as error:
            raise _refusal("a migration fails", error) from error
        schema = _Schema(connection, config)
    return sorted(schema.there)


def require_current(database: Database, modules: Iterable[str] = ()) -> None:
    """Raise ``SpineError`` where the database lacks a revision, or its core is too new for this build.

    A database that is ahead by additions alone says so in ``core_schema_floors``: from which revision on a build may
    work on it. There may be revisions of domains that are not loaded here.
    """
    with database.begin() as connection:
        schema = _Schema(connection, _config(modules))
        schema.require_accepted()
    if schema.lacking:
        raise SpineError(
            "the database's schema is not up to date: run `spine-temporal db upgrade`", ErrorCategory.CONFIGURATION
        )


class _Schema:
    """The revisions of a database, beside those that this build knows."""

    def __init__(self, connection: Connection, config: Config) -> None:
        self._script = ScriptDirectory.from_config(config)
        self._known = _revisions(self._script)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        self.there = set(context.get_current_heads())
        unknown = self.there - self._known
        #: Of the revisions that this build does not know: those that accept it.
        self._ahead = {revision for revision in unknown if _floor_of(connection, revision) in self._known}
        self._unknown = unknown - self._ahead

    @property
    def lacking(self) -> set[str]:
        """This build's newest revisions that the database has not reached."""
        ahead = {_branch_of(revision) for revision in self._ahead}
        return {head for head in set(self._script.get_heads()) - self.there if _branch_of(head) not in ahead}

    def require_accepted(self) -> None:
        """Raise ``SpineError`` where the database's core does not accept this build."""
        too_new = sorted(revision for revision in self._unknown if _branch_of(revision) == _CORE_BRANCH)
        if too_new:
            raise SpineError(
                f"the database's schema is at {', '.join(too_new)}, which this build does not know and which does not "
                f"accept builds of {', '.join(sorted(self._script.get_heads()))}",
                ErrorCategory.CONFIGURATION,
                advice="deploy a newer build",
            )

    def require_known(self) -> None:
        """Raise ``SpineError`` where the database has revisions of other code, which Alembic cannot go on from."""
        strange = sorted(self._unknown | self._ahead)
        if strange:
            raise SpineError(
                f"the database has the revisions {', '.join(strange)}, which the loaded modules do not know",
                ErrorCategory.CONFIGURATION,
                advice="load the modules that it was made with (SPINE_MODULES), at their newest",
            )


def _revisions(script: ScriptDirectory) -> set[str]:
    """Load every revision. Raises ``SpineError`` for one that cannot be, or follows none that there is."""
    try:
        with warnings.catch_warnings():
            # Alembic only warns of a name that two have, and of one that nobody has, and goes on to a KeyError.
            warnings.filterwarnings("error", message="Revision ", category=UserWarning)
            return {each.revision for each in script.walk_revisions()}
    except Exception as error:
        raise _refusal("the migrations cannot be loaded", error) from error


def _refusal(what: str, error: Exception) -> SpineError:
    told = " ".join(str(error).split()) if isinstance(error, UserWarning | CommandError) else describe(error)
    return SpineError(f"{what}: {told}", ErrorCategory.CONFIGURATION)


def _branch_of(revision: str) -> str:
    """Return the branch that a revision's name begins with: ``core`` of ``core_0004``."""
    return revision.rpartition("_")[0]


def _floor_of(connection: Connection, revision: str) -> str | None:
    """Return from which revision on a build may work on the database, where the revision says so."""
    if connection.execute(text("SELECT to_regclass('core_schema_floors')")).scalar() is None:
        return None
    query = text("SELECT floor FROM core_schema_floors WHERE revision = :revision")
    floor: str | None = connection.execute(query, {"revision": revision}).scalar()
    return floor


def _config(modules: Iterable[str]) -> Config:
    config = Config()
    config.set_main_option("script_location", _escaped(_CORE))
    folders = [_CORE / "versions", *_domain_folders(modules)]
    config.set_main_option("version_path_separator", "newline")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(_escaped(folder) for folder in folders))
    return config


def _domain_folders(modules: Iterable[str]) -> list[Path]:
    """Find the domains' revisions without importing anything but the packages' parents.

    A package without an ``__init__.py`` has a folder as often as sys.path has the one above it.
    """
    found: list[Path] = []
    for module in modules:
        spec = None if module.endswith(".py") else importlib.util.find_spec(module)
        for location in dict.fromkeys(spec.submodule_search_locations or []) if spec else []:
            found += sorted(Path(location).glob("**/migrations/versions"))
    return found


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")

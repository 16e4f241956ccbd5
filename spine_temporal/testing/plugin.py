"""The fixtures that pytest loads by itself. They import what they need when they are used."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from spine_temporal.definition.run_result import Decision, WorkflowResult
    from spine_temporal.definition.workflow import Workflow
    from spine_temporal.embedded import ServerState
    from spine_temporal.recording.database import Database
    from spine_temporal.testing.databases import TemplateDatabase
    from spine_temporal.testing.durable import DurableRun
    from spine_temporal.testing.services import PipelineTestServices
    from spine_temporal.testing.stubs import Stubs


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that shares servers."""
    parser.getgroup("spine").addoption(
        "--spine-home",
        metavar="FOLDER",
        help="the home of the embedded servers of tests, shared by who names the same; default: a temporary one",
    )


@pytest.fixture
def run_workflow() -> "Callable[..., WorkflowResult]":
    """Run a workflow in this process, with no server: ``run_workflow(WORKFLOW, params, pipelines)``.

    ``pipelines`` gives each pipeline by name, as its metrics, as a function of its params, or as a ``Pipeline`` class,
    which runs with ``services``. See ``run_in_process`` for ``dry_run`` and ``decide``.
    """
    from spine_temporal.testing.in_process import run_in_process  # noqa: PLC0415 - loaded where it is used
    from spine_temporal.testing.stubs import in_process_stubs  # noqa: PLC0415

    def run(
        workflow: "Workflow",
        params: Mapping[str, Any] | None = None,
        pipelines: "Stubs | None" = None,
        *,
        services: "PipelineTestServices | None" = None,
        dry_run: bool = False,
        decide: "Callable[[str], Decision] | None" = None,
    ) -> "WorkflowResult":
        stubs = in_process_stubs(pipelines, services)
        return run_in_process(workflow, params, stubs, dry_run=dry_run, decide=decide)

    return run


@pytest.fixture(scope="session")
def spine_home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Have the home of the embedded servers: ``--spine-home``, else a temporary one."""
    given = request.config.getoption("--spine-home")
    # Not pytest's own folders: Postgres's user could not reach them where root runs the tests.
    home = Path(given or tempfile.mkdtemp(prefix="spine-test-")).resolve()
    yield home
    if not given:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def spine_servers(spine_home: Path) -> "Iterator[ServerState]":
    """Have a Temporal and a Postgres, as the embedded default starts them."""
    from spine_temporal.embedded import embedded_servers  # noqa: PLC0415 - loaded where it is used
    from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES  # noqa: PLC0415

    with embedded_servers(spine_home, search_attributes=SEARCH_ATTRIBUTES) as servers:
        yield servers


@pytest.fixture(scope="session")
def spine_modules() -> Sequence[str]:
    """Return the modules of the project's settings; override it for others."""
    from spine_temporal.project import make_importable  # noqa: PLC0415 - loaded where it is used
    from spine_temporal.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    make_importable(settings.project)
    return settings.modules


@pytest.fixture(scope="session")
def spine_template(spine_servers: "ServerState", spine_modules: Sequence[str]) -> "Iterator[TemplateDatabase]":
    """Have a database with every table, which those of the tests are copies of."""
    from spine_temporal.testing.databases import TemplateDatabase  # noqa: PLC0415 - loaded where it is used

    template = TemplateDatabase(spine_servers.database_url or "", spine_modules)
    yield template
    template.drop()


@pytest.fixture
def spine_database(spine_template: "TemplateDatabase") -> "Iterator[Database]":
    """Have a database of the test's own, with every table."""
    from spine_temporal.recording.database import Database  # noqa: PLC0415 - loaded where it is used

    with spine_template.copy() as url:
        database = Database(url, pool_size=30)
        yield database
        database.close()


@pytest.fixture
def spine_connection(spine_template: "TemplateDatabase") -> "Iterator[Connection]":
    """Have a transaction that is rolled back when the test ends: for a pipeline alone."""
    from sqlalchemy import create_engine  # noqa: PLC0415 - loaded where it is used
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    from spine_temporal.recording.database import sqlalchemy_url  # noqa: PLC0415

    engine = create_engine(sqlalchemy_url(spine_template.url), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def run_durably(
    spine_servers: "ServerState", spine_database: "Database", spine_modules: Sequence[str]
) -> "Callable[..., DurableRun]":
    """Run a workflow on Temporal and Postgres: ``run_durably(WORKFLOW, params, pipelines, skip_time=True)``.

    ``pipelines`` stand for those that the project's modules register. What the run has written is in ``.manifest``,
    ``.anomalies``, ``.quality``, ``.ledger``, and in the test's ``spine_database``.
    """
    from spine_temporal.runtime.modules import imported_modules  # noqa: PLC0415 - loaded where it is used
    from spine_temporal.testing.durable import run_durably as run  # noqa: PLC0415

    imported_modules(spine_modules)
    return partial(run, spine_servers.temporal_address or "", spine_database)


@pytest.fixture
def spine_worker() -> Sequence[str]:
    """Return the command of a worker as a process; override it to start workers in another way."""
    return (sys.executable, "-m", "spine_temporal", "worker")


@pytest.fixture
def crash_at(
    spine_servers: "ServerState",
    spine_database: "Database",
    spine_modules: Sequence[str],
    spine_worker: Sequence[str],
    tmp_path: Path,
) -> "Callable[..., DurableRun]":
    """Run a workflow whose worker is killed at a boundary: ``crash_at("before the commit", WORKFLOW, params, step=)``.

    ``CrashPoint`` has the boundaries. Another worker goes on, and the run is as one that nothing has happened to.
    """
    from spine_temporal.testing.crashes import Crashes  # noqa: PLC0415 - loaded where it is used

    return Crashes(
        address=spine_servers.temporal_address or "",
        database=spine_database,
        worker=spine_worker,
        modules=spine_modules,
        folder=tmp_path,
    ).run

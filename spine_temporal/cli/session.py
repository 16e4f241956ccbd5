"""What a command works with: settings, servers, definitions, a client."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from temporalio.runtime import Runtime, TelemetryConfig

from spine_temporal.client.servers import Servers, connect, open_database, running_servers_of
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.client.task_queues import runner_queue
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.workflow import Workflow
from spine_temporal.embedded import worker_lock_held
from spine_temporal.operating.registration import operating_activities, operating_workflows
from spine_temporal.project import make_importable
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions, load_definitions
from spine_temporal.runtime.masked_logs import mask_unhandled
from spine_temporal.runtime.references import Reference, load_referenced, reference_of, split_id
from spine_temporal.runtime.tracing import stop_tracing
from spine_temporal.runtime.worker import SPARE_CONNECTIONS, running_worker
from spine_temporal.settings import Settings


def run_async(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a command's coroutine; what the command tells itself is not logged beside it."""
    mask_unhandled()
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    if not logging.getLogger().handlers:  # a worker logs, and has set that up
        logging.getLogger("spine_temporal").setLevel(logging.ERROR)
        # Temporal's core writes its warnings on stdout, which belongs to the result.
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)
    try:
        return asyncio.run(work())
    finally:
        stop_tracing()


@contextmanager
def opened_database(settings: Settings) -> Iterator[Database]:
    """Have the database for a command that needs no Temporal; nothing is started for it, and no schema upgraded."""
    with running_servers_of(settings, temporal=False) as servers:
        database = open_database(servers, settings, may_upgrade=False)
        try:
            yield database
        finally:
            database.close()


@asynccontextmanager
async def connected(settings: Settings, servers: Servers, *, with_worker: bool = True) -> AsyncIterator[SpineClient]:
    """Have a client; and ``with_worker`` a worker, where others do not serve what the command names."""
    client = await connect(servers)
    spine = SpineClient(client, task_queue=settings.task_queue)
    if not with_worker or not has_own_worker(settings, servers):
        yield spine
        return
    loaded = definitions(settings)
    more = [] if settings.reference else sorted(loaded.task_queues)
    size = settings.max_activities * (1 + len(more)) + SPARE_CONNECTIONS
    database = open_database(servers, settings, pool_size=size)
    try:
        async with running_worker(
            client,
            database,
            loaded,
            task_queue=settings.task_queue,
            more_queues=more,
            max_activities=settings.max_activities,
            workflows=operating_workflows(),
            activities=operating_activities(client, database, loaded, settings),
        ):
            yield spine
    finally:
        database.close()


def has_own_worker(settings: Settings, servers: Servers) -> bool:
    """Return whether a command serves its runs itself.

    It does where the embedded servers have no worker, and where it names a workflow by its place, which no other
    worker need have.
    """
    alone = servers.temporal_is_embedded and not worker_lock_held(servers.home)
    return alone or settings.reference is not None


def definitions(settings: Settings) -> Definitions:
    """Return what the configured modules define; where a workflow is named by its place, that one alone."""
    reference = reference_of(settings.reference) if settings.reference else None
    return load_definitions(settings.modules) if reference is None else load_referenced(settings.modules, reference)


def chosen(settings: Settings, text: str) -> tuple[Settings, Workflow]:
    """Return the workflow that a command names, by name or by place, and the settings that it runs with.

    One that the configured modules do not have is served by the command, on a task queue of its own, as a script's is.
    Raises ``DefinitionError`` where there is none.
    """
    make_importable(settings.project)
    loaded = load_definitions(settings.modules)
    reference = None if text in loaded.workflows else reference_of(text)
    if reference is None:
        if text.endswith(".py"):
            raise DefinitionError(f"{text!r} is a file: name the workflow in it too, as {text}:NAME")
        return settings, loaded.workflow(text)
    return _serving(settings, loaded, reference), reference.workflow


def startable(settings: Settings, text: str) -> tuple[Settings, Workflow]:
    """Return as ``chosen`` a workflow that other workers are to run, and so on their task queue.

    Raises ``DefinitionError`` where the configured modules, which are theirs, have another one of its name.
    """
    found, workflow = chosen(settings, text)
    if found.reference is not None and workflow.name in load_definitions(settings.modules).workflows:
        raise DefinitionError(
            f"the configured modules have another workflow {workflow.name!r} than {text}, and workers run theirs: "
            "`spine-temporal run` runs this one, with a worker of its own; or rename it"
        )
    return found.model_copy(update={"task_queue": settings.task_queue}), workflow


def identified(settings: Settings, text: str) -> tuple[Settings, str]:
    """Return a workflow id, which may open with the workflow's place, and the settings that its run goes on with."""
    make_importable(settings.project)
    loaded = load_definitions(settings.modules)
    reference, identity = split_id(text)
    return (settings if reference is None else _serving(settings, loaded, reference)), identity


def _serving(settings: Settings, loaded: Definitions, reference: Reference) -> Settings:
    """Return the settings with which a command serves the workflow of a place itself, where the modules lack it."""
    workflow = reference.workflow
    if workflow in [known for known, _ in loaded.workflows.values()]:
        return settings
    queue = runner_queue(settings.task_queue, workflow.name)
    return settings.model_copy(update={"reference": str(reference), "task_queue": queue})

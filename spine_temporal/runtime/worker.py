"""The service's worker: Temporal's own, with our plugin and a pool of connections."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.machine.planning import plan_of
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.logs import tell_failures_once
from spine_temporal.runtime.namespace import NamespaceAttributes
from spine_temporal.runtime.orphaned_runs import close_orphaned_runs
from spine_temporal.runtime.plugin import HEARTBEATS, SpinePlugin
from spine_temporal.runtime.run_metrics import begin_at_zero
from spine_temporal.runtime.temporal_runs import TemporalRuns
from spine_temporal.runtime.unknown_workflow import UnknownWorkflow
from spine_temporal.settings import Settings
from spine_temporal.translation import snapshot
from spine_temporal.translation.runner import operating_runner

#: After which a workflow task goes to any worker, where the one that knows the run does not take it: it may be dead.
STICKY = timedelta(seconds=3)
#: Activities of the product's own at once. They wait more than they work.
OPERATING_ACTIVITIES = 200
#: Connections of the worker itself: begin and end, and the ledger's counts. Local pipelines have theirs beside them.
SPARE_CONNECTIONS = 10


@asynccontextmanager
async def running_worker(
    client: Client,
    database: Database,
    definitions: Definitions,
    *,
    task_queue: str,
    max_activities: int,
    more_queues: Sequence[str] = (),
    passed_through: Sequence[str] = (),
    version: WorkerDeploymentVersion | None = None,
    grace: float = 20,
    in_process: bool = False,
    workflows: Sequence[type] = (),
    activities: Sequence[Callable[..., Any]] = (),
) -> AsyncIterator[Worker]:
    """Run a worker while the block does; at its end, activities get ``grace`` seconds to finish.

    Its runs, gates included, use the source that is there when it starts, to its end. ``more_queues`` are served too,
    each with ``max_activities`` of its own; steps that name one of all these must have their pipelines registered here.

    ``passed_through`` names modules that the sandbox need not load again; never one with gates. With a ``version``,
    runs stay on the build that they began with. ``in_process``: pipelines and gates run in this process, where
    nothing can stop them; for tests that look into them. ``workflows`` and ``activities`` are run beside those of the
    definitions, and also serve ``operating_queue``.
    """
    queues = list(dict.fromkeys([task_queue, *more_queues]))
    definitions.require_pipelines(queues)
    workers = _Workers(
        client=client,
        plugin=await _started_plugin(client, database, definitions, passed_through, in_process=in_process),
        max_activities=max_activities,
        width=width_of(definitions),
        version=version,
        grace=timedelta(seconds=grace),
        workflows=workflows,
        activities=activities,
    )
    async with workers.running(queues) as worker, _closing_orphaned_runs(client, database):
        yield worker


@asynccontextmanager
async def _closing_orphaned_runs(client: Client, database: Database) -> AsyncIterator[None]:
    books = asyncio.create_task(close_orphaned_runs(TemporalRuns(client), database))
    try:
        yield
    finally:
        books.cancel()


async def _started_plugin(
    client: Client, database: Database, definitions: Definitions, passed_through: Sequence[str], *, in_process: bool
) -> SpinePlugin:
    attributes = NamespaceAttributes(client, add=True)
    await attributes.known()  # added now, they are known when runs begin
    tell_failures_once()
    plugin = SpinePlugin(
        definitions=definitions,
        database=database,
        search_attributes=attributes.known,
        passed_through=passed_through,
        in_process=in_process,
    )
    begin_at_zero(definitions)
    snapshot.take()
    await plugin.start()
    return plugin


@dataclass(frozen=True, kw_only=True)
class _Workers:
    """Temporal's workers of one process: one for each task queue, and what they have in common."""

    client: Client
    plugin: SpinePlugin
    #: Activities at once, of each worker.
    max_activities: int
    #: Pipelines that a run may begin at once.
    width: int
    version: WorkerDeploymentVersion | None
    grace: timedelta
    #: Beside those of the plugin.
    workflows: Sequence[type]
    activities: Sequence[Callable[..., Any]]

    @asynccontextmanager
    async def running(self, queues: Sequence[str]) -> AsyncIterator[Worker]:
        """Run the workers of the queues, and one of what lasts beside the first queue's; give the last queue's."""
        async with AsyncExitStack() as stack:
            for queue in queues:
                worker = await stack.enter_async_context(self._of(queue))
            if self.workflows:
                await stack.enter_async_context(self._operating(queues[0]))
            yield worker

    def _of(self, task_queue: str) -> Worker:
        return Worker(
            self.client,
            task_queue=task_queue,
            plugins=[self.plugin],
            workflows=[UnknownWorkflow, *self.workflows],
            activities=self.activities,
            max_concurrent_activities=self.max_activities,
            max_concurrent_local_activities=self.max_activities,
            max_concurrent_workflow_tasks=40,
            # Activities that a workflow task asks for begin here at once, without a way over Temporal.
            max_eager_activity_reservations_per_workflow_task=min(self.width, self.max_activities),
            graceful_shutdown_timeout=self.grace,
            sticky_queue_schedule_to_start_timeout=STICKY,
            deployment_config=_deployment(self.version),
            build_id=snapshot.build_id() if self.version is None else None,
        )

    def _operating(self, task_queue: str) -> Worker:
        return Worker(
            self.client,
            task_queue=operating_queue(task_queue),
            workflows=self.workflows,
            activities=self.activities,
            workflow_runner=operating_runner(),
            build_id=snapshot.build_id(),
            max_concurrent_activities=OPERATING_ACTIVITIES,
            max_heartbeat_throttle_interval=HEARTBEATS,
            graceful_shutdown_timeout=self.grace,
            sticky_queue_schedule_to_start_timeout=STICKY,
        )


def operating_queue(task_queue: str) -> str:
    """Return the task queue of what lasts, as a backfill does: its slots are none that a pipeline waits for."""
    return f"{task_queue}-operating"


def width_of(definitions: Definitions) -> int:
    """Return how many pipelines a run may begin at once; Temporal's own default where that is more."""
    return max([3, *(plan_of(workflow).width for workflow, _ in definitions.workflows.values())])


def deployment_version(settings: Settings) -> WorkerDeploymentVersion | None:
    """Return the version that the settings give, None where they give none."""
    if not settings.deployment_name and not settings.build_id:
        return None
    if not settings.deployment_name or not settings.build_id:
        raise SpineError(
            "SPINE_DEPLOYMENT_NAME and SPINE_BUILD_ID go together: set both, or neither", ErrorCategory.CONFIGURATION
        )
    return WorkerDeploymentVersion(settings.deployment_name, settings.build_id)


def _deployment(version: WorkerDeploymentVersion | None) -> WorkerDeploymentConfig | None:
    if version is None:
        return None
    return WorkerDeploymentConfig(
        version=version, use_worker_versioning=True, default_versioning_behavior=VersioningBehavior.PINNED
    )


def listen_for_signals() -> asyncio.Event:
    """Return what the first SIGTERM or SIGINT from now on sets; a second one ends the process at once."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        if told.is_set():
            os._exit(130)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, tell)
    return told

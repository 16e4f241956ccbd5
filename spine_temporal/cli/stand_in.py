"""Which worker serves the run that a command follows: another one, the command's own, or none, and then it says so."""

from contextlib import AsyncExitStack
from types import TracebackType

from spine_temporal.cli.session import definitions, has_own_worker
from spine_temporal.client.descriptions import described, is_paused
from spine_temporal.client.run_handle import RunHandle
from spine_temporal.client.servers import Servers, open_database
from spine_temporal.client.task_queues import WORKFLOW_TASKS, is_runner_queue, standstill, workers_of
from spine_temporal.definition.errors import DefinitionError
from spine_temporal.runtime.worker import SPARE_CONNECTIONS, running_worker
from spine_temporal.settings import Settings


class StandIn:
    """Looks after the run's own task queue while a command follows it.

    A script's run has a queue that carries its workflow alone. With the embedded servers, where nobody else would
    ever serve it, a command that acts on the run and knows the workflow serves it itself for as long as it follows it;
    one that only watches (``with_worker`` is false) does not. Any other queue has workers of its own, with modules of
    their own: the command says which to start.
    """

    def __init__(self, settings: Settings, servers: Servers, *, with_worker: bool) -> None:
        self._settings = settings
        self._servers = servers
        self._with_worker = with_worker
        self._stack = AsyncExitStack()
        self._queues: set[str] = set()
        if with_worker and has_own_worker(settings, servers):
            self._queues.add(settings.task_queue)  # which the session's own worker serves

    async def __aenter__(self) -> "StandIn":
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def look(self, run: RunHandle) -> str:
        """Return what is to be said where nobody serves the run; stand in where that may be."""
        told = await standstill(run.handle, run.client)
        if not told:
            return ""
        description = await described(run.client, run.handle)
        queue, workflow = description.task_queue, description.workflow_type
        if is_paused(description):
            return told
        if queue in self._queues:
            return ""  # our own worker is about to ask
        if not self._may_serve(queue, workflow):
            return told
        await self._serve(run, queue)
        return f"no worker asks for work on task queue {queue!r}, where a script began this run: this command serves it"

    async def serves(self, run: RunHandle) -> bool:
        """Return whether the run has no worker but this command's."""
        queue = (await described(run.client, run.handle)).task_queue
        if queue not in self._queues:
            return False
        return not await workers_of(run.client, queue, WORKFLOW_TASKS) - {run.client.identity}

    def _may_serve(self, queue: str, workflow: str) -> bool:
        if not self._with_worker or not self._servers.temporal_is_embedded or not is_runner_queue(queue, workflow):
            return False
        try:
            return workflow in definitions(self._settings).workflows
        except DefinitionError:
            return False

    async def _serve(self, run: RunHandle, queue: str) -> None:
        self._queues.add(queue)
        most = self._settings.max_activities
        database = open_database(self._servers, self._settings, pool_size=most + SPARE_CONNECTIONS)
        self._stack.callback(database.close)
        worker = running_worker(
            run.client, database, definitions(self._settings), task_queue=queue, max_activities=most
        )
        await self._stack.enter_async_context(worker)

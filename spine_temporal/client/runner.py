"""``WorkflowRunner``: run a workflow from a script and wait for it, as in Spine."""

import asyncio
import logging
import threading
from collections.abc import Mapping
from typing import Any

from spine_temporal.client.servers import Servers, available_servers, connect, open_database
from spine_temporal.client.spine_client import SpineClient
from spine_temporal.client.task_queues import runner_queue, tell_of_standstills
from spine_temporal.definition.foreign import as_workflow
from spine_temporal.definition.run_result import WorkflowResult
from spine_temporal.definition.workflow import Workflow
from spine_temporal.project import make_importable
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions, definitions_of, load_definitions
from spine_temporal.runtime.processes.loading import refuse_while_loading
from spine_temporal.runtime.worker import SPARE_CONNECTIONS, running_worker
from spine_temporal.settings import Settings

_log = logging.getLogger(__name__)


class WorkflowRunner:
    """Runs workflows durably, with a worker in this process.

    Killed in the middle, a run stays where it was: execute the same again and it goes on. Uses the configured
    servers, else the embedded ones. A run that was started elsewhere is joined, and waits for the workers of its own
    task queue; a warning is logged where there are none.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings.from_environment()

    def execute(
        self,
        workflow: Workflow,
        params: Mapping[str, Any] | None = None,
        *,
        force: bool = False,
        dry_run: bool = False,
        start_from: str | None = None,
    ) -> WorkflowResult:
        """Run the workflow and return what it came to; a failed run is a result too.

        ``start_from`` keeps the outputs that the partition's last run has of the steps before that one.

        Raises ``ParamsError`` and ``DefinitionError`` for what is wrong before anything runs, ``SpineError`` where a
        server cannot be reached.
        """
        refuse_while_loading("WorkflowRunner().execute(...)")
        workflow = as_workflow(workflow, "execute()")
        make_importable(self._settings.project)
        load_definitions(self._settings.modules)
        definitions = definitions_of([workflow])
        with available_servers(self._settings) as servers:
            database = open_database(
                servers, self._settings, pool_size=self._settings.max_activities + SPARE_CONNECTIONS
            )
            try:
                options = {"force": force, "dry_run": dry_run, "start_from": start_from}
                return _run(self._execute(servers, database, definitions, workflow, params, options))
            finally:
                database.close()

    async def _execute(
        self,
        servers: Servers,
        database: Database,
        definitions: Definitions,
        workflow: Workflow,
        params: Mapping[str, Any] | None,
        options: Mapping[str, Any],
    ) -> WorkflowResult:
        client = await connect(servers)
        task_queue = runner_queue(self._settings.task_queue, workflow.name)
        async with running_worker(
            client,
            database,
            definitions,
            task_queue=task_queue,
            max_activities=self._settings.max_activities,
        ):
            handle = await SpineClient(client, task_queue=task_queue).start(
                workflow, params, task_queue=task_queue, **options
            )
            # The run that is joined may be on another queue, whose workers this process cannot stand in for.
            watch = asyncio.create_task(tell_of_standstills(handle.handle, client, _log.warning, but=task_queue))
            try:
                return await handle.result()
            finally:
                watch.cancel()


def _run(coroutine: Any) -> WorkflowResult:
    """Run the coroutine to its end, also where this thread has a running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)  # type: ignore[no-any-return]  # a coroutine of a WorkflowResult
    answer: list[WorkflowResult] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=work, name="spine-runner")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return answer[0]

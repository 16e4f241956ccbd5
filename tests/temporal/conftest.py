"""A client, and a worker on a task queue and a database of its own."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MethodType
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

from spine_temporal import SpineClient
from spine_temporal.client.backfills import Backfills
from spine_temporal.operating.registration import operating_activities, operating_workflows
from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.namespace import NamespaceAttributes
from spine_temporal.runtime.plugin import SpinePlugin
from spine_temporal.runtime.worker import running_worker
from spine_temporal.settings import Settings
from tests.temporal import backfilled, jobs


@dataclass
class Service:
    """A running worker, its client and its database."""

    client: SpineClient
    database: Database

    def rows(self, query, **values):
        with self.database.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    async def execute(self, workflow, params=None, **options):
        return await self.client.execute(workflow, {"test": uuid4().hex, **(params or {})}, **options)

    async def attempt(self, name, request, workflows):
        """Call an activity of the run's own, as Temporal would."""
        plugin = SpinePlugin(workflows=workflows, database=self.database, in_process=True)
        own = (call for call in plugin._activities(self.client.client, None) if isinstance(call, MethodType))
        return await ActivityEnvironment().run(next(call for call in own if call.__name__ == name), request)

    async def events(self, identity):
        history = await self.client.client.get_workflow_handle(identity).fetch_history()
        return [
            event.EventType.Name(event.event_type) if hasattr(event, "EventType") else event.event_type
            for event in history.events
        ]


@pytest.fixture(scope="session")
async def temporal(servers, warm):
    """A connected Temporal client; the processes of workers for it start warm."""
    return await Client.connect(servers.temporal_address, data_converter=pydantic_data_converter)


@pytest.fixture
async def elsewhere(servers, temporal):
    """A client of a namespace of its own, which has our search attributes."""
    name = f"other-{uuid4().hex[:8]}"
    await temporal.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=86400))
    )
    client = await Client.connect(servers.temporal_address, namespace=name, data_converter=pydantic_data_converter)
    for _ in range(300):  # a namespace takes a while to be known everywhere
        with contextlib.suppress(RPCError):
            await client.count_workflows()
            if await NamespaceAttributes(client, add=True).known():
                return client
        await asyncio.sleep(0.1)
    raise AssertionError("the namespace is not there")


@pytest.fixture
async def serve(temporal, database):
    """Start a worker for these workflows; ``in_process`` for a test that looks into what user code does."""

    @asynccontextmanager
    async def start(*workflows, task_queue=None, in_process=False):
        backfilled.forget()
        queue = task_queue or f"test-{uuid4().hex[:8]}"
        options = {"task_queue": queue, "max_activities": 10, "in_process": in_process}
        async with running_worker(temporal, database, definitions_of(workflows), **options):
            yield Service(SpineClient(temporal, task_queue=queue), database)

    return start


@pytest.fixture
async def service(serve):
    """A worker for the workflows of ``jobs``."""
    async with serve(*jobs.ALL) as running:
        yield running


@pytest.fixture
async def operated(temporal, database):
    """A worker that serves the workflows of ``backfilled`` and their backfills, its client, and its backfills."""
    queue = f"test-{uuid4().hex[:8]}"
    definitions = definitions_of([backfilled.BACKFILLED, backfilled.BESIDE])
    backfilled.forget()

    @asynccontextmanager
    async def worker():
        async with running_worker(
            temporal,
            database,
            definitions,
            task_queue=queue,
            max_activities=20,
            in_process=True,
            grace=0,
            workflows=operating_workflows(),
            activities=operating_activities(temporal, database, definitions, Settings()),
        ):
            yield Service(SpineClient(temporal, task_queue=queue), database)

    service = Service(SpineClient(temporal, task_queue=queue), database)
    service.worker = worker
    service.backfills = Backfills(temporal, database, task_queue=queue)
    yield service
    backfilled.GO_ON.set()

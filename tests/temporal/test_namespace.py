"""A worker that meets a passing error as it asks for our search attributes does not believe that there are none."""

from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal import SpineClient
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.namespace import NamespaceAttributes
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation.search_attributes import DOMAIN
from tests.temporal import jobs


class Failing:
    """Temporal's operator service, whose first answers are an error."""

    def __init__(self, service, status, times):
        self._service, self._status, self.left = service, status, times

    async def list_search_attributes(self, *arguments, **options):
        if self.left:
            self.left -= 1
            raise RPCError("this passes", self._status, b"")
        return await self._service.list_search_attributes(*arguments, **options)


@pytest.fixture
async def failing(servers, monkeypatch):
    """A client of its own, whose operator service fails so often."""

    async def connect(times, status=RPCStatusCode.UNAVAILABLE):
        client = await Client.connect(servers.temporal_address, data_converter=pydantic_data_converter)
        service = Failing(client.operator_service, status, times)
        monkeypatch.setattr(client.service_client, "operator_service", service)
        return client, service

    return connect


async def test_runs_are_found_once_temporal_answers(failing, database, temporal):
    client, service = await failing(2)
    queue = f"test-{uuid4().hex[:8]}"
    plain = SpineClient(temporal, task_queue=queue)
    async with running_worker(client, database, definitions_of([jobs.GATED]), task_queue=queue, max_activities=5):
        assert service.left == 1
        lost = await _started_without_attributes(plain, queue)
        assert service.left == 0
        assert await _outcome(lost) is None
        found = await _started_without_attributes(plain, queue)
        assert await _outcome(found) == "QUALITY_GATE"


async def _started_without_attributes(client, queue):
    """Start a run as Temporal's own command line does, and wait for its end."""
    handle = await client.client.start_workflow(
        "jobs.gated", {"test": uuid4().hex, "rows": 1}, id=uuid4().hex, task_queue=queue
    )
    await (await client.handle_of(handle.id)).result()
    return handle


async def _outcome(handle):
    attributes = (await handle.describe()).typed_search_attributes
    return {pair.key.name: pair.value for pair in attributes}.get("SpineOutcome")


async def test_a_client_asks_again_too(failing):
    client, _ = await failing(1)
    spine = SpineClient(client, task_queue=f"nobody-{uuid4().hex[:8]}")
    found = []
    for _ in range(2):
        run = await spine.start(jobs.GATED, {"test": uuid4().hex})
        found.append([pair.key.name for pair in (await run.handle.describe()).typed_search_attributes])
        await run.terminate(reason="seen")
    assert [("SpineDomain" in names) for names in found] == [False, True]


async def test_a_namespace_that_does_not_let_us_ask_is_not_asked_at_each_run(failing):
    client, service = await failing(5, RPCStatusCode.PERMISSION_DENIED)
    attributes = NamespaceAttributes(client)
    assert [await attributes.known() for _ in range(3)] == [False, False, False]
    assert service.left == 4


async def test_a_start_at_a_host_that_does_not_know_the_attributes_yet_is_no_failure_and_the_run_sets_them(
    service, monkeypatch
):
    client, refused = service.client.client, []

    async def start(*arguments, search_attributes=None, **options):
        if search_attributes is not None and not refused:
            refused.append(search_attributes)
            raise RPCError("Namespace default has no mapping defined", RPCStatusCode.INVALID_ARGUMENT, b"")
        return await started(*arguments, search_attributes=search_attributes, **options)

    started = client.start_workflow
    monkeypatch.setattr(client, "start_workflow", start)
    handle = await service.client.start(jobs.GATED, {"test": uuid4().hex})
    assert (await handle.result()).status == "COMPLETED"
    shown = (await handle.handle.describe()).typed_search_attributes
    assert (len(refused), shown.get(DOMAIN)) == (1, jobs.GATED.domain)

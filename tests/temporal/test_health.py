"""What a worker says of its servers: away is what does not answer twice, not a connection that was retired."""

import asyncio
import logging

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode, ServiceClient
from temporalio.worker import Worker

from ops.chaos.proxy import Proxy
from spine_temporal.embedded.state import ServerState
from spine_temporal.embedded.temporal_server import start_temporal, stop_temporal
from spine_temporal.recording.database import Database
from spine_temporal.runtime.health import Health

#: As Temporal's frontend does every five minutes: it retires a connection, and cancels what is asked on it just then.
RETIRING = {
    "frontend.keepAliveMaxConnectionAge": '"1s"',
    "frontend.keepAliveMaxConnectionAgeGrace": '"1s"',
}


@activity.defn
async def nothing() -> None:
    """Let a worker poll on the connection."""


@pytest.fixture
def address(tmp_path):
    """A Temporal whose connections live for a second."""
    (tmp_path / "logs").mkdir()
    found, _, pid = start_temporal(tmp_path, {}, port=None, ui_port=None, before=ServerState(), dynamic_config=RETIRING)
    yield found
    stop_temporal(pid)


@pytest.fixture
def asked(monkeypatch):
    """How Temporal has answered each question of the health checks."""
    answers = []
    check = ServiceClient.check_health

    async def counted(self, **options):
        try:
            await check(self, **options)
        except RPCError as error:
            answers.append(error.status)
            raise
        answers.append(None)

    monkeypatch.setattr(ServiceClient, "check_health", counted)
    return answers


async def test_a_connection_that_temporal_retires_is_not_its_absence(address, database, asked, caplog):
    client = await Client.connect(address)
    health = Health(client, database)
    with caplog.at_level(logging.INFO, logger="spine_temporal.worker"):
        async with Worker(client, task_queue="retired", activities=[nothing]):
            watches = [asyncio.create_task(health.watch(interval=0)) for _ in range(3)]
            try:
                await _until(lambda: RPCStatusCode.CANCELLED in asked)
                seen = len(asked)
                await _until(lambda: len(asked) >= seen + 100)
            finally:
                await _stopped(health, *watches)
    assert health.away == {}
    assert [record.message for record in caplog.records if "away" in record.message] == []


async def test_a_temporal_that_is_cut_off_is_away_until_it_answers(servers, database, caplog):
    proxy = Proxy(int(servers.temporal_address.rpartition(":")[2]))
    client = await Client.connect(f"127.0.0.1:{proxy.port}")
    health = Health(client, database)
    with caplog.at_level(logging.INFO, logger="spine_temporal.worker"):
        watch = asyncio.create_task(health.watch(interval=0.05))
        try:
            proxy.cut()
            await _until(lambda: "temporal" in health.away)
            assert "postgres" not in health.away
            proxy.mend()
            await _until(lambda: not health.away)
        finally:
            await _stopped(health, watch)
            proxy.close()
    told = [record.message.split(",")[0] for record in caplog.records if record.name == "spine_temporal.worker"]
    assert told == ["not ready: temporal is away", "temporal is back"]


async def test_workers_that_use_all_connections_and_threads_do_not_make_postgres_look_away(temporal, database_url):
    small = Database(database_url, pool_size=1)
    released = asyncio.Event()
    loop = asyncio.get_running_loop()
    health = Health(temporal, small)
    with small.session():
        blocked = [asyncio.create_task(asyncio.to_thread(_wait, released, loop)) for _ in range(64)]
        await health._look("postgres")
        assert health.away == {}
        released.set()
        await asyncio.gather(*blocked)
    health.close()
    small.close()


def _wait(event, loop):
    asyncio.run_coroutine_threadsafe(event.wait(), loop).result(60)


async def _stopped(health, *watches):
    for watch in watches:
        watch.cancel()
    await asyncio.gather(*watches, return_exceptions=True)
    health.close()


async def _until(condition):
    while not condition():  # noqa: ASYNC110 - others bring it about
        await asyncio.sleep(0.01)

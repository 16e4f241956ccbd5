"""Write the golden histories: run by hand when a feature is added, never to make a failing replay pass.

``python -m tests.temporal.record_histories [NAME ...]``, with the embedded servers.
"""

import asyncio
import sys
import sysconfig
import tempfile
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

from sqlalchemy import text
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from spine_temporal import SpineClient
from spine_temporal.embedded import embedded_servers
from spine_temporal.recording.database import Database
from spine_temporal.recording.migrate import upgrade
from spine_temporal.runtime.brief_steps import BriefSteps
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.stretches import Stretches
from spine_temporal.runtime.worker import running_worker
from spine_temporal.translation.search_attributes import SEARCH_ATTRIBUTES
from tests.temporal import jobs, record_operating, vocabulary
from tests.temporal.approved import APPROVED
from tests.temporal.test_held_gates import held

RUNS = {
    "completed": (jobs.GATED, {}, {}),
    "gate_failed": (jobs.GATED, {"rows": 1}, {}),
    "gate_shown": (jobs.GATED, {"rows": 1}, {}),
    "pipeline_failed": (jobs.WRITES, {"then": "quality"}, {}),
    "choice": (jobs.ROUTED, {"full_refresh": True}, {}),
    "routed": (jobs.ODD, {}, {}),
    "partial": (jobs.CONTINUES, {"rows": 1}, {}),
    "dry_run": (jobs.GATED, {}, {"dry_run": True}),
    "waited": (jobs.WAITED, {}, {}),
}


#: Of steps that take moments, from a worker that knows that: with their beginning, and behind it.
STRETCHES = {"stretch": (jobs.GATED, {}, {}), "stretch_shut": (jobs.GATED, {"rows": 1}, {})}
STRETCHES_BEHIND = {"stretch_behind": (jobs.GATED, {}, {})}


async def record(address, database, only):
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    await record_runs(client, database, RUNS, only)
    with patch.object(BriefSteps, "knows", lambda *_: True):
        await record_runs(client, database, STRETCHES, only)
        with patch.object(Stretches, "ahead", _nothing):
            await record_runs(client, database, STRETCHES_BEHIND, only)
    await record_vocabulary(client, database, only)
    if not only or "resumed" in only:
        await record_resumed(client, database)
    if not only or "approved" in only:
        await record_approved(client, database)


async def record_runs(client, database, runs, only):
    async with running_worker(client, database, definitions_of(jobs.ALL), task_queue="golden", max_activities=5):
        for name, (workflow, params, options) in runs.items():
            if only and name not in only:
                continue
            handle = await SpineClient(client, task_queue="golden").start(
                workflow, {"golden": uuid4().hex[:8], **params}, **options
            )
            await handle.result()
            await _write(name, handle.handle)


async def record_vocabulary(client, database, only):
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE mended (test text)"))
    definitions = definitions_of(vocabulary.ALL)
    async with running_worker(client, database, definitions, task_queue="golden-words", max_activities=5):
        spine = SpineClient(client, task_queue="golden-words")
        for name, workflow in vocabulary.RECORDED.items():
            if only and name not in only:
                continue
            items = list(range(40 if name == "map_groups" else 3))
            handle = await spine.start(workflow, {"test": uuid4().hex[:8], "items": items})
            if workflow is vocabulary.HELD:
                await held(handle)
                await handle.decide("retry", "check", by="ann", reason="mended", start_from="ingest")
            await handle.result()
            await _write(name, handle.handle)


async def record_resumed(client, database):
    workflow = jobs.RESUMED
    async with running_worker(client, database, definitions_of([workflow]), task_queue="golden", max_activities=5):
        spine = SpineClient(client, task_queue="golden")
        failed = await spine.start(workflow, {"golden": uuid4().hex[:8]})
        await failed.result()
        resumed = await spine.resume(failed.workflow_id, [workflow], database, changes={"check.least": 1}, by="ann")
        await resumed.result()
        await _write("resumed", resumed.handle)


async def record_approved(client, database):
    async with running_worker(client, database, definitions_of([APPROVED]), task_queue="golden", max_activities=5):
        handle = await SpineClient(client, task_queue="golden").start(APPROVED, {"test": uuid4().hex[:8]})
        await held(handle)
        for by in ("ann", "bob@finance.example"):
            await handle.decide("waive", "check", by=by, reason="a short week", evidence="ticket 7")
        await handle.result()
        await _write("approved", handle.handle)


async def record_operating_runs(address, database, runs, only):
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    for name, made in runs.items():
        if not only or name in only:
            handle = await made(record_operating.Operating(client, database))
            last = await handle.fetch_history()
            first = last.events[0].workflow_execution_started_event_attributes.first_execution_run_id
            await _write(name, client.get_workflow_handle(handle.id, run_id=first))


async def _nothing(_self, _request, begun):
    return begun


async def _write(name, handle):
    history = await handle.fetch_history()
    path = Path(__file__).parent / "histories" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(_without_paths(history.to_json()))


def _without_paths(text):
    """Leave out where the code lay: stack traces name files."""
    for folder in (sysconfig.get_path("purelib"), str(Path.cwd()), sysconfig.get_path("stdlib")):
        text = text.replace(f"{folder}/", "")
    return text


def main(*only):
    """Record every history, or those that are named: those that stand are kept as they are."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_servers(Path(folder), search_attributes=SEARCH_ATTRIBUTES) as servers,
    ):
        database = Database(servers.database_url)
        upgrade(database)
        asyncio.run(record(servers.temporal_address, database, only))
        asyncio.run(record_operating_runs(servers.temporal_address, database, record_operating.RECORDED, only))
        with record_operating.impatient_temporal(Path(folder) / "impatient") as address:
            asyncio.run(record_operating_runs(address, database, record_operating.CONTINUED, only))
        database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

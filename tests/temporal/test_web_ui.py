"""What a person sees in Temporal's Web UI, read from its pages by a browser."""

import asyncio
import html
import shutil
import subprocess
from urllib.parse import quote, unquote
from uuid import uuid4

import pytest

from spine_temporal.client.web_ui import views
from spine_temporal.runtime.definitions import load_definitions
from tests.temporal import failing
from tests.temporal.backfilled import BACKFILLED
from tests.temporal.test_held_gates import held
from workflows.finra.otc_transparency import WEEKLY_REFRESH

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,1000"),
)


@pytest.fixture
def browser(tmp_path, absent):
    """Read a page as it is once its scripts have run."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        absent("no Chromium on the PATH: install it to test what the Web UI shows")

    def read(url):
        arguments = [program, *FLAGS, f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000", "--dump-dom", url]
        page = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        return html.unescape(page)

    return read


async def test_a_failed_run_reads_well_in_the_web_ui(serve, servers, browser, week_file):
    load_definitions(["activities"])
    short = week_file("2025-11-28", rows=299)
    async with serve(WEEKLY_REFRESH) as service:
        handle = await service.client.start(
            WEEKLY_REFRESH, {"week_ending": "2025-11-28", "tier": "OTC", "file_path": str(short)}
        )
        result = await handle.result()
        place = f"{servers.ui_url}/namespaces/default/workflows/{quote(handle.workflow_id, safe='')}/{result.run_id}"
        pages = {
            name: await asyncio.to_thread(browser, f"{place}/{name}")
            for name in ("timeline", "history", "user-metadata", "search-attributes")
        }
        listed = await asyncio.to_thread(
            browser,
            f"{servers.ui_url}/namespaces/default/workflows?query="
            + quote('SpineDomain="finra.otc_transparency" AND SpineOutcome="QUALITY_GATE"'),
        )
    assert "finra.otc_transparency.weekly_refresh" in pages["timeline"]
    assert "finra.otc_transparency.ingest_week • ingest, up to 3 attempts" in pages["timeline"]
    assert "validate_ingest: Too few records ingested: 299 < 1000" in pages["timeline"]
    refused = "finra.otc_transparency.normalize_week"
    told = "normalize, not run; gate validate_ingest: FAILED QUALITY_GATE Too few records"
    assert f"{refused} • {told}" in pages["timeline"]
    assert f'aria-label="Event {refused}: Failed"' in pages["timeline"]
    assert "**FAILED at validate_ingest (QUALITY_GATE)** after" in unquote(pages["user-metadata"])
    checks = unquote(pages["user-metadata"]).replace("\N{EM SPACE}", "")
    assert "| FAILED | validate_ingest | row_count | 299 | 1,000 |" in checks
    assert "QUALITY_GATE" in pages["user-metadata"]
    assert "Weekly OTC data refresh" in pages["history"]
    assert "tier=OTC" in pages["search-attributes"]
    assert "SpineOutcome" in pages["search-attributes"]
    assert handle.workflow_id in listed


async def test_the_web_ui_tells_what_failed_where_and_in_which_attempt(serve, servers, browser):
    async with serve(failing.PIPELINE, failing.HELD) as service:
        broken = await service.client.start(failing.PIPELINE, {"test": uuid4().hex, "does": "parse"})
        await broken.result()
        waived = await service.client.start(failing.HELD, {"test": uuid4().hex})
        await held(waived)
        listed = await asyncio.to_thread(browser, views(servers.ui_url, "default")["held"])
        await waived.decide("waive", "check", by="ann", reason="a short week")
        await waived.result()
        pages = {}
        for run, name in ((broken, "timeline"), (broken, "history"), (broken, "user-metadata"), (waived, "timeline")):
            run_id = (await run.handle.describe()).run_id
            place = f"{servers.ui_url}/namespaces/default/workflows/{quote(run.workflow_id, safe='')}/{run_id}/{name}"
            pages[run.workflow_id, name] = await asyncio.to_thread(browser, place)
    timeline, history, details, gate = pages.values()
    where = "(tests/temporal/failing.py:"
    assert "2 • failing.work • work, up to 2 attempts" in timeline
    assert f"line 1 column 2 (char 1) {where}" in history
    assert "in parsed) (attempt 2 of 2)" in history
    assert "**FAILED at work (INTERNAL)** after" in unquote(details)
    assert where in unquote(details)
    assert not [page for page in pages.values() if "site-packages" in page or "spine_temporal/" in page]
    for kind, ended in (("failing.work", "Failed"), ("spine.hold", "Failed"), ("spine.decide", "Completed")):
        assert f'aria-label="Event {kind}: {ended}"' in gate
    assert "spine.hold • check: HELD QUALITY_GATE 10 rows are too few" in gate
    assert waived.workflow_id in listed
    assert broken.workflow_id not in listed
    assert "spine.decide • check: waived by ann: a short week" in gate


async def test_a_backfill_leads_to_its_runs_and_they_to_it(operated, servers, temporal, browser):
    async with operated.worker():
        plan = await operated.backfills.plan(BACKFILLED, {"shard": "50,51"})
        backfill = await operated.backfills.start(plan)
        await backfill.result()
        query = f'SpineBackfill="{backfill.backfill_id}"'
        await until_listed(temporal, query, 2)
        place = f"{servers.ui_url}/namespaces/default/workflows"
        own = quote(f"spine.backfill/{backfill.backfill_id}", safe="")
        run_id = (await backfill.handle.describe()).run_id
        one = await temporal.get_workflow_handle("test.backfilled/shard=50").describe()
        details = await asyncio.to_thread(browser, f"{place}/{own}/{run_id}/user-metadata")
        listed = await asyncio.to_thread(browser, f"{place}?query={quote(query, safe='')}")
        history = await asyncio.to_thread(browser, f"{place}/{quote(one.id, safe='')}/{one.run_id}/history")
    assert f"[{query}](/namespaces/default/workflows?query=" in unquote(details)
    assert "test.backfilled/shard=50" in listed
    assert "test.backfilled/shard=51" in listed
    assert f'href="/namespaces/default/workflows/{own}/{run_id}/history/events/1"' in history


async def until_listed(client, query, count):
    """Wait until Temporal's lists, which are a little behind, have so many."""
    while (await client.count_workflows(query)).count < count:  # noqa: ASYNC110 - it is Temporal that brings it about
        await asyncio.sleep(0.05)


async def test_a_query_by_search_attribute_finds_the_failed_runs(serve, temporal, week_file, tmp_path):
    load_definitions(["activities"])
    empty = tmp_path / "empty.csv"
    empty.touch()
    async with serve(WEEKLY_REFRESH) as service:
        params = {"week_ending": "2025-11-21", "tier": "OTC", "file_path": str(empty)}
        failed = await service.client.start(WEEKLY_REFRESH, params)
        await failed.result()
        good = week_file("2025-11-21")
        fine = await service.client.start(WEEKLY_REFRESH, {**params, "file_path": str(good)})
        await fine.result()
    query = (
        'SpineDomain="finra.otc_transparency" AND SpinePartition="tier=OTC" '
        'AND SpinePartition="week_ending=2025-11-21" AND SpineOutcome!="COMPLETED"'
    )
    found = []
    while failed.handle.result_run_id not in found:  # Temporal's lists are a little behind
        found = [run.run_id async for run in temporal.list_workflows(query)]
        await asyncio.sleep(0.1)
    assert fine.handle.result_run_id not in found

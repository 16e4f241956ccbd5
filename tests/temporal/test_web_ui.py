"""What a person sees in Temporal's Web UI, read from its pages by a browser."""

import asyncio
import html
import shutil
import subprocess
from urllib.parse import quote

import pytest

from spine_temporal.runtime.definitions import load_definitions
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
        page = subprocess.run(arguments, capture_output=True, text=True, timeout=90, check=True).stdout
        return html.unescape(page)

    return read


@pytest.mark.timeout(240)
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
    assert "ingest: finra.otc_transparency.ingest_week" in pages["timeline"]
    assert "validate_ingest: Too few records ingested: 299 < 1000" in pages["timeline"]
    assert "validate_ingest" in pages["user-metadata"]
    assert "QUALITY_GATE" in pages["user-metadata"]
    assert "Weekly OTC data refresh" in pages["history"]
    assert "tier=OTC" in pages["search-attributes"]
    assert "SpineOutcome" in pages["search-attributes"]
    assert handle.workflow_id in listed


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
    for _ in range(50):
        found = [run.run_id async for run in temporal.list_workflows(query)]
        if failed.handle.result_run_id in found:
            break
        await asyncio.sleep(0.1)
    assert failed.handle.result_run_id in found
    assert fine.handle.result_run_id not in found

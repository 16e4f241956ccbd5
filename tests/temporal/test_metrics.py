"""What a worker tells Prometheus: each name that alerts and dashboards ask for. Alerts fire of real faults."""

import json
import re
import shutil
import subprocess
from uuid import uuid4

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from ops import dashboards
from spine_temporal import SpineClient
from spine_temporal.recording.database import Database
from spine_temporal.runtime import state_metrics as state
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.runtime.health import Health
from spine_temporal.runtime.health_server import health_server
from spine_temporal.runtime.metrics import Names
from spine_temporal.runtime.sdk_metrics import SdkMetrics
from spine_temporal.runtime.worker import running_worker
from tests.conftest import ROOT
from tests.temporal import observed
from tests.temporal.faults import requests_that_fail, task_faults, told, told_exhausted, workflow_faults

pytestmark = pytest.mark.xdist_group("metrics")
ALERTS = ROOT / "ops" / "alerts"
RULES = ("spine.yml", "temporal.yml")
#: Alerts whose faults `scraped` makes; ops/alerts/tests.yml has series for each of the others.
REAL = {
    *("SpineServerAway", "SpineRunFailed", "SpineStartRefused", "SpinePoisonPipeline", "SpineRetriesHigh"),
    *("SpineQualityCheckFailed", "SpineGateHeld", "SpineRunOpenForLong", "SpineClaimLost", "SpineOrphanedRun"),
    *("SpinePoolExhausted", "SpineWorkflowTasksFail", "TemporalNonDeterminism", "TemporalNoPollers"),
}


def rules():
    groups = [group for name in RULES for group in yaml.safe_load((ALERTS / name).read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.fixture
def promtool(absent):
    """Run promtool; return what it prints."""
    program = shutil.which("promtool")
    if program is None:
        absent("no promtool on the PATH: install Prometheus to test the alerts")

    def run(*arguments):
        ended = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    return run


class Scrapes:
    """What a worker told before its faults and after them: a value for each series."""

    def __init__(self, before, after):
        self.before, self.after = parsed(before), parsed(after)
        self.names = {name for name, _ in self.after}
        self.told = after

    def buckets(self, name):
        return {float(dict(labels)["le"]) for found, labels in self.after if found == f"{name}_bucket"}

    def labels(self, name):
        return {label for found, labels in self.after if found == name for label, _ in labels}


def parsed(told):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
async def scraped(servers, spine_template, warm):
    """A worker that is scraped while it is well, and again after much has gone wrong."""
    counting = SdkMetrics()
    client = await Client.connect(
        servers.temporal_address, data_converter=pydantic_data_converter, runtime=counting.runtime
    )
    with spine_template.copy() as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(state, "INTERVAL", 0.05)
        database = Database(url, pool_size=8)
        health = Health(client, database)
        queue = f"metrics-{uuid4().hex[:8]}"
        with state.state_metrics(database), health_server(health, "127.0.0.1:0", counting.text) as port:
            async with running_worker(
                client, database, definitions_of(observed.ALL), task_queue=queue, max_activities=4
            ):
                scrape = f"http://127.0.0.1:{port}/metrics"
                spine = SpineClient(client, task_queue=queue)
                await health._look("postgres")
                await spine.execute(observed.GATED, {"test": "fine", "rows": 7})
                before = await told(scrape)
                await workflow_faults(spine, database)
                await task_faults(client)
                await requests_that_fail(client)
                after = await told_exhausted(scrape, database)
        health.close()
        database.close()
    return Scrapes(before, after)


NAME = re.compile(r"\b((?:spine|temporal)_[a-z_]+)(?:\{([^}]*)\})?")


def asked(expr):
    """Return each metric that an expression asks for, with the labels that it picks by."""
    return [(name, set(re.findall(r"(\w+)\s*[=!]", picked or ""))) for name, picked in NAME.findall(expr)]


@pytest.mark.parametrize("name", rules())
def test_what_an_alert_asks_for_is_scraped_from_a_worker(scraped, name):
    expr = rules()[name]["expr"]
    assert asked(expr)
    for metric, picked in asked(expr):
        assert metric in scraped.names
        assert picked - {"instance", "job"} <= scraped.labels(metric)


@pytest.mark.parametrize("file", dashboards.DASHBOARDS)
def test_what_a_dashboard_shows_is_scraped_from_a_worker(scraped, file):
    panels = json.loads((ROOT / "ops" / "grafana" / file).read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    names = {metric for expr in expressions for metric, _ in asked(expr)}
    assert names
    assert names <= scraped.names


def test_a_quantile_can_exceed_what_its_alert_asks_for(scraped):
    """A quantile never exceeds the last bucket: an alert beyond it would never fire."""
    quantiles = {name: rule["expr"] for name, rule in rules().items() if "histogram_quantile" in rule["expr"]}
    assert len(quantiles) == 7
    for name, expr in quantiles.items():
        [(metric, _)] = asked(expr)
        limit = float(expr.rpartition(">")[2])
        ends = scraped.buckets(metric.removesuffix("_bucket"))
        assert max(end for end in ends if end != float("inf")) > limit, name


def test_alerts_fire_of_the_faults_that_a_worker_has_met(scraped, promtool, tmp_path):
    """The worker's own series, as if its faults came again each minute: before them nothing fires.

    What other tests of this process have counted is there for more than an hour then, and so is nothing new.
    """
    well = {key: f"{value}x120" for key, value in scraped.before.items()}
    ill = {key: course(key, scraped.before.get(key, 0), value) for key, value in scraped.after.items()}
    tests = [unit_test("before", well, set()), unit_test("after", ill, REAL)]
    file = tmp_path / "tests.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS / name) for name in RULES], "tests": tests}))
    promtool("test", "rules", file)


def course(key, before, after):
    """Return a series of promtool's: what is counted grows each minute by as much as it has."""
    name, _ = key
    grows = name.endswith(("_total", "_bucket", "_count", "_sum"))
    return f"{before}+{after - before}x120" if grows else f"{after}x120"


def unit_test(name, series, alerts):
    written = [
        {"series": f"{metric}{{{_text(labels)}}}", "values": values} for (metric, labels), values in series.items()
    ]
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(alerts)]
    expr = 'max by (alertname) (ALERTS{alertstate="firing"})'
    asked_then = {"expr": expr, "eval_time": "110m", "exp_samples": samples}
    return {"name": name, "interval": "1m", "input_series": written, "promql_expr_test": [asked_then]}


def _text(labels):
    return ",".join(f"{label}={json.dumps(value)}" for label, value in labels)


def test_each_rule_is_well_formed_and_fires_in_a_test(promtool):
    promtool("check", "rules", *(ALERTS / name for name in RULES))
    promtool("test", "rules", ALERTS / "tests.yml")
    written = (ALERTS / "tests.yml").read_text()
    for name in rules():
        assert f'alertname="{name}"' in written


def test_each_rule_leads_to_a_page_that_is_there():
    for rule in rules().values():
        page = rule["annotations"].get("runbook")
        assert page is None or (ROOT / page).is_file()


def test_the_dashboards_are_as_they_are_written():
    assert {name: (dashboards.FOLDER / name).read_text() for name in dashboards.DASHBOARDS} == dashboards.written()


def test_the_page_has_each_metric_that_a_worker_tells(scraped):
    page = (ROOT / "docs" / "operate" / "observe.md").read_text()
    rows = re.findall(r"^\| `(spine_\w+)` \| (.*?) \|", page, re.MULTILINE)
    told = dict(re.findall(r"^# TYPE (spine_\w+) (\w+)$", scraped.told, re.MULTILINE))
    assert {name for name, _ in rows} == {name for name in told if not name.endswith("_created")}
    for name, labels in rows:
        series = f"{name}_count" if told[name] == "histogram" else name
        if series in scraped.names:  # what no run of this test has done has no series yet
            assert set(re.findall(r"`(\w+)`", labels)) == scraped.labels(series), name


def test_a_label_of_the_users_is_bounded():
    names = Names(2)
    assert [names.bounded("w", name) for name in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]

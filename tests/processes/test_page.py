"""The code of the page that this project implements runs as it stands, with its blanks filled in."""

import os
import re
import subprocess

import pytest

from tests.conftest import ROOT

#: What is filled in for the page's blanks.
BLANKS = {
    "{domain}": "shop",
    "{workflow_name}": "weekly",
    "{WORKFLOW_NAME}": "WEEKLY",
    "{Description of what this workflow does}": "Ingest, check, normalize, aggregate",
    "{step_name}": "ingest",
    "{previous_step}": "ingest",
    "{next_step}": "normalize",
    "{minimum_threshold}": "LEAST",
    "{data}": "prices",
    "{{row_count}}": "{row_count}",
}
#: Where the page's module of workflows is, in a tree of the user's own.
WORKFLOWS = "spine/domains/shop/workflows.py"
PIPELINES = """
from spine.framework.registry import register_pipeline
from spine.framework.pipelines import Pipeline

for name in ("ingest", "normalize", "aggregate"):
    @register_pipeline(f"shop.{name}_prices")
    class Prices(Pipeline):
        def run(self):
            return {"row_count": self.params["rows"]}
    Prices.__qualname__ = name
"""
#: What the page's reader has in hand where its fragments begin.
HEAD = """
import json, uuid
from datetime import datetime
from spine.core.connection import create_connection
from spine.orchestration import WorkflowStatus

class log:
    info = staticmethod(lambda event, **values: print(event, sorted(values)))
    error = info
"""
BEFORE_ROWS = """
def page(rows):
    partition_key = {"rows": rows}
    partition_key_str = json.dumps(partition_key)
    result = run_workflow(partition_key)
    conn, _ = create_connection()
    N, run_id = 5, result.run_id
"""
AFTER_ROWS = """
    conn.commit()
    print(manifest.get_latest_stage(partition_key))
    print(conn.execute("SELECT count(*) FROM core_anomalies WHERE domain = ?", ("shop",)).fetchone()[0])

if __name__ == "__main__":
    page(rows=100)
    page(rows=99)
"""


@pytest.fixture(scope="module")
def blocks(shared):
    """The page's blocks of Python, by a part of each."""
    found = re.findall(r"```python\n(.*?)```", shared("seed/F_WORKFLOW.md").read_text(), re.DOTALL)

    def block(part):
        (text,) = [each for each in found if part in each]
        for blank, value in BLANKS.items():
            text = text.replace(blank, value)
        return text

    block.count = len(found)
    return block


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ('Step.pipeline("ingest", "finra.otc_transparency.ingest_week")\n#', "PipelineStep"),
        ("def check_record_count", "LambdaStep"),
        ('Step.choice("route"', "ChoiceStep"),
    ],
)
def test_each_step_of_its_reference_is_a_step(blocks, part, kind):
    lines = "from spine.orchestration import Step, StepResult\n"
    *code, step = re.split(r"^(?=Step\.)", blocks(part), flags=re.MULTILINE)
    names = {}
    exec(lines + "".join(code), names)
    assert type(eval(step, names)).__name__ == kind


def test_its_gate_checks_what_the_page_says(blocks):
    from spine.orchestration import WorkflowContext

    names = {}
    exec(f"from spine.orchestration import Step, StepResult\n{blocks('def check_record_count')}", names)
    for rows, passes in ((99, False), (100, True)):
        answer = names["check_record_count"](WorkflowContext(outputs={"ingest": {"row_count": rows}}), {})
        assert answer.success is passes


@pytest.fixture
def page(blocks, tmp_path):
    """A user's own tree with the page's module of workflows, and the page's other parts as one script."""
    assert blocks.count == 8, "the page has another block: run it here, too"
    workflows = tmp_path / WORKFLOWS
    workflows.parent.mkdir(parents=True)
    workflows.write_text(f"LEAST = 100\n{blocks('Workflows orchestrate pipelines')}")
    (workflows.parent / "pipelines.py").write_text(PIPELINES)
    rows = "".join(blocks(part) for part in ("manifest = WorkManifest(", "INSERT INTO core_anomalies"))
    script = tmp_path / "page.py"
    rows = re.sub("^(?=.)", "    ", rows, flags=re.MULTILINE)
    script.write_text(HEAD + blocks("def run_workflow") + BEFORE_ROWS + rows + AFTER_ROWS)
    return script


def test_its_workflow_its_runner_its_manifest_and_its_anomaly_run_as_they_stand(page, environment, warm):
    ended = subprocess.run(
        [warm.python, str(page)],
        env=environment
        | {"PYTHONPATH": os.pathsep.join([str(page.parent), str(ROOT)]), "SPINE_MODULES": "spine.domains.shop"},
        cwd=page.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    # The second run fails at its gate: the run's own anomaly, and the page's.
    assert ended.stdout.splitlines() == [
        "workflow_completed ['duration', 'steps']", "COMPLETED", "0",
        "workflow_failed ['error', 'failed_step']", "COMPLETED", "2",
    ]  # fmt: skip

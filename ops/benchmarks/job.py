"""The job that every system runs: ingest, check, normalize, check, aggregate, with pipelines that do next to nothing.

Every system leaves the same rows for a run: seven in ``core_manifest`` (STARTED, three stages, two verdicts,
COMPLETED) and three in ``core_executions``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from spine_temporal import Pipeline, Step, StepResult, Workflow, WorkflowContext, register_pipeline

ROWS = 1000
INGEST, NORMALIZE, AGGREGATE = "bench.ingest", "bench.normalize", "bench.aggregate"
MANIFEST_ROWS, LEDGER_ROWS = 7, 3
STAGES = ("STARTED", "INGESTED", "CHECKED_INGEST", "NORMALIZED", "CHECKED_NORMALIZE", "AGGREGATED", "COMPLETED")

#: What a hand-written system writes: the same tables, keys and columns as ours.
UPSERT_MANIFEST = """
    INSERT INTO core_manifest (domain, partition_key, stage, stage_rank, row_count, execution_id)
    VALUES (%(domain)s, %(partition_key)s::jsonb, %(stage)s, %(stage_rank)s, %(row_count)s, %(execution_id)s)
    ON CONFLICT (domain, partition_key, stage) DO UPDATE SET stage_rank = excluded.stage_rank,
        row_count = excluded.row_count, execution_id = excluded.execution_id, updated_at = now()
"""
INSERT_LEDGER = """
    INSERT INTO core_executions (execution_id, run_id, workflow, step, pipeline, params, status, attempt, started_at,
        completed_at, row_count, output)
    VALUES (%(execution_id)s, %(run_id)s, 'bench', %(step)s, %(step)s, %(params)s::jsonb, 'COMPLETED', 1,
        %(started_at)s, now(), %(row_count)s, %(output)s::jsonb)
    ON CONFLICT (execution_id) DO NOTHING
"""


def ingest(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an ingest of ``rows`` rows gives."""
    return {"row_count": params["rows"], "error_count": 0}


def normalize(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a normalization gives."""
    return {"row_count": params["rows"], "reject_rate": 0.0}


def aggregate(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an aggregation gives."""
    return {"row_count": params["rows"] // 10}


WORK = {"ingest": ingest, "normalize": normalize, "aggregate": aggregate}


def check_ingest(output: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` where too few rows came."""
    if output["row_count"] < 100 or output["error_count"] > 10:
        raise ValueError(f"too few rows, or too many errors: {output}")


def check_normalize(output: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` where too many rows were rejected."""
    if output["reject_rate"] > 0.05:
        raise ValueError(f"too many rejects: {output}")


def manifest_row(number: int, run_id: str, stage: str) -> dict[str, Any]:
    """Return the values of a manifest row."""
    return {
        "domain": "workflow.bench",
        "partition_key": f'{{"number": {number}}}',
        "stage": stage,
        "stage_rank": STAGES.index(stage),
        "row_count": ROWS if stage.endswith("ED") else None,
        "execution_id": run_id,
    }


def ledger_row(number: int, run_id: str, step: str, output: str) -> dict[str, Any]:
    """Return the values of a ledger row; ``output`` as JSON."""
    return {
        "execution_id": uuid5(NAMESPACE_OID, f"{run_id}/{step}"),
        "run_id": run_id,
        "step": step,
        "params": f'{{"number": {number}, "rows": {ROWS}}}',
        "started_at": datetime.now(UTC),
        "row_count": ROWS,
        "output": output,
    }


class _Tiny(Pipeline):
    def run(self) -> dict[str, Any]:
        return WORK[self.name.removeprefix("bench.")](self.params)


for _step in WORK:
    register_pipeline(f"bench.{_step}")(type(_step.title(), (_Tiny,), {}))


def _checked_ingest(ctx: WorkflowContext, config: Mapping[str, Any]) -> StepResult:
    output = ctx.outputs["ingest"]
    if output["row_count"] < config["least"] or output["error_count"] > config["most"]:
        return StepResult.fail(f"too few rows, or too many errors: {output}")
    return StepResult.ok(output={"row_count": output["row_count"]})


def _checked_normalize(ctx: WorkflowContext, config: Mapping[str, Any]) -> StepResult:
    output = ctx.outputs["normalize"]
    if output["reject_rate"] > config["most"]:
        return StepResult.fail(f"too many rejects: {output}")
    return StepResult.ok(output={"reject_rate": output["reject_rate"]})


def _workflow(name: str, *, local: bool | None = None) -> Workflow:
    return Workflow(
        name=name,
        domain="bench",
        partition_by=["number"],
        steps=[
            Step.pipeline("ingest", INGEST, stage="INGESTED", local=local),
            Step.lambda_("check_ingest", _checked_ingest, {"least": 100, "most": 10}),
            Step.pipeline("normalize", NORMALIZE, stage="NORMALIZED", local=local),
            Step.lambda_("check_normalize", _checked_normalize, {"most": 0.05}),
            Step.pipeline("aggregate", AGGREGATE, stage="AGGREGATED", local=local),
        ],
    )


JOB = _workflow("bench.job")
LOCAL = _workflow("bench.local", local=True)
#: As jobs run whose steps take longer than moments: each step is an activity.
ACTIVITIES = _workflow("bench.activities", local=False)

"""FINRA's refresh, and its first step as a workflow of its own."""

from spine_temporal import Workflow
from workflows.finra.otc_transparency import WEEKLY_REFRESH

REFRESH = WEEKLY_REFRESH
INGEST = Workflow(
    name="bench.ingest_week",
    domain="bench",
    params_model=REFRESH.params_model,
    partition_by=REFRESH.partition_by,
    steps=REFRESH.steps[:1],
)

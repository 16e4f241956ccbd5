"""A workflow whose partition is one of its params."""

from pydantic import BaseModel

from spine_temporal import Step, Workflow
from tests.temporal import jobs


class DayParams(BaseModel):
    """A day, and how many rows it has."""

    day: str
    rows: int = 5


BY_DAY = Workflow(
    name="jobs.by_day", params_model=DayParams, partition_by=["day"], steps=[Step.pipeline("ingest", "jobs.count")]
)

CHECKED_BY_DAY = Workflow(
    name="jobs.checked_by_day",
    params_model=DayParams,
    partition_by=["day"],
    steps=[Step.pipeline("ingest", "jobs.count"), Step.lambda_("validate", jobs.enough)],
)

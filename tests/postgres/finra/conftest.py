"""The three pipelines on a file made by the test, in the test's transaction."""

import pytest

from activities.finra.otc_transparency.aggregate import AggregateWeek
from activities.finra.otc_transparency.ingest import IngestWeek
from activities.finra.otc_transparency.normalize import NormalizeWeek
from spine_temporal.testing.services import PipelineTestServices, run_pipeline
from tests.postgres.finra.weekly_file import HEADER, WEEK


@pytest.fixture
def services(connection):
    return PipelineTestServices(connection)


@pytest.fixture
def refresh(tmp_path, services):
    """Run the three pipelines on these lines or bytes; return the three outputs."""

    def run(content, steps=(IngestWeek, NormalizeWeek, AggregateWeek), **params):
        path = tmp_path / "week.csv"
        data = content if isinstance(content, bytes) else ("\n".join([HEADER, *content]) + "\n").encode()
        path.write_bytes(data)
        given = {"tier": "OTC", "week_ending": WEEK, "file_path": str(path)} | params
        return [run_pipeline(step, given, services) for step in steps]

    return run


@pytest.fixture
def anomalies(services):
    """Return the categories of the anomalies so far, with their severities."""
    return lambda: {category: severity for severity, category, _ in services.anomalies}

"""Loaded by a test's worker: stops one pipeline in the middle, once, so that the worker can be killed there."""

import os
import time
from pathlib import Path

from activities.finra.otc_transparency import aggregate, ingest, normalize

PIPELINES = {
    "ingest": ingest.IngestWeek,
    "normalize": normalize.NormalizeWeek,
    "aggregate": aggregate.AggregateWeek,
}


def _pause(pipeline, marker: Path) -> None:
    original = pipeline.run

    def run(self):
        metrics = original(self)
        if not marker.exists():
            marker.touch()
            time.sleep(120)
        return metrics

    pipeline.run = run


if os.environ.get("PAUSE_IN"):
    _pause(PIPELINES[os.environ["PAUSE_IN"]], Path(os.environ["PAUSE_MARKER"]))

"""Pipelines that work for a minute: some look whether they are still wanted, one never does."""

import time
from pathlib import Path

from spine_temporal import ErrorCategory, Pipeline, SpineError, Step, Workflow, register_pipeline


class Minute(Pipeline):
    """Writes a row, says so, and works for a minute."""

    def run(self):
        self.record_anomaly("WROTE", "a row that must not stay", severity="INFO")
        Path(self.params["folder"], self.params["test"]).touch()
        for part in range(1200):
            time.sleep(0.05)
            self.look(part)
        return {"row_count": 1}


@register_pipeline("stopping.tells")
class Tells(Minute):
    """Tells how far it is."""

    def look(self, part):
        self.heartbeat("parts", part)


@register_pipeline("stopping.reads")
class Reads(Minute):
    """Asks Postgres now and then."""

    def look(self, part):
        self.connection.exec_driver_sql("SELECT 1")


@register_pipeline("stopping.deaf")
class Deaf(Minute):
    """Looks at nothing."""

    def look(self, part):
        pass


@register_pipeline("stopping.fails")
class Fails(Pipeline):
    """Fails a second after the step beside it has begun."""

    def run(self):
        while not Path(self.params["folder"], self.params["test"]).exists():
            time.sleep(0.05)
        time.sleep(1)
        raise SpineError("it fails", ErrorCategory.DATA_QUALITY)


def _works(name, pipeline, **options):
    return Workflow(name=f"stopping.{name}", steps=[Step.pipeline("work", pipeline.name, **options)])


TELLS, TELLS_LONG = _works("tells", Tells), _works("tells_long", Tells, heartbeat_timeout=600)
READS, READS_LONG = _works("reads", Reads), _works("reads_long", Reads, heartbeat_timeout=600)
DEAF, DEAF_LONG = _works("deaf", Deaf), _works("deaf_long", Deaf, heartbeat_timeout=600)
MINUTES = (TELLS, TELLS_LONG, READS, READS_LONG, DEAF, DEAF_LONG)
BESIDE = Workflow(
    name="stopping.beside",
    steps=[
        Step.parallel(
            "both", [Step.pipeline("fail", Fails.name), Step.pipeline("work", Tells.name, heartbeat_timeout=600)]
        )
    ],
)

"""Gates at the doors of pipelines, which answer as the params say."""

import time
from pathlib import Path

from spine_temporal import Pipeline, QualityMetrics, Step, StepResult, Workflow, register_pipeline

TABLE = "CREATE TABLE behind (step text NOT NULL)"


@register_pipeline("doors.write")
class Write(Pipeline):
    """Writes a row; waits, or fails, while a file says so."""

    def run(self):
        while Path(self.params["folder"], f"{self.params['as']}.waits").exists():
            self.heartbeat()
            time.sleep(0.02)
        self.connection.exec_driver_sql("INSERT INTO behind VALUES (%s)", (self.params["as"],))
        if Path(self.params["folder"], f"{self.params['as']}.fails").exists():
            raise ValueError("as it was told")
        return {"row_count": 1, "ready": Path(self.params["folder"], "ready").exists()}


def answer(ctx, config):
    name = config["as"]
    quality = QualityMetrics(record_count=10, valid_count=9)
    does = ctx.params.get(name, "pass")
    if does == "compute":
        sum(range(12_000_000))
    if does == "raise":
        return {}["nothing"]
    if does == "fail":
        return StepResult.fail("it does not pass", quality=quality)
    if does == "route":
        return StepResult.ok(output={"by": name}, next_step=config["to"], quality=quality)
    if does == "ready" and not ctx.get_output("load", "ready"):
        return StepResult.fail("it does not pass yet", quality=quality)
    return StepResult.ok(output={"by": name, "seen": sorted(ctx.outputs)}, quality=quality)


def write(name, **options):
    return Step.pipeline(name, "doors.write", {"as": name}, **options)


def gate(name, **options):
    return Step.lambda_(name, answer, {"as": name, "to": "end"}, **options)


def _workflow(name, *steps, **options):
    return Workflow(name=f"doors.{name}", partition_by=["test"], steps=list(steps), **options)


TWO = _workflow("two", write("load"), gate("first"), gate("second"), write("publish"), gate("last"), write("end"))
LOCAL = _workflow("local", write("load", local=True), gate("first"), write("end", local=True))
HOLDS = _workflow("holds", write("load"), gate("first", on_error="HOLD"), write("end"))
GOES_ON = _workflow("goes_on", write("load"), gate("first", on_error="CONTINUE"), write("end"))
MANY = _workflow("many", write("load"), *(gate(f"gate_{number}") for number in range(6)), write("end"))
ALL = (TWO, LOCAL, HOLDS, GOES_ON, MANY)

"""The workflow whose partitions are backfilled while everything is killed: some are refused, held, or fail at first."""

from time import sleep
from typing import Any

from pydantic import BaseModel, field_validator

from spine_temporal import ErrorCategory, Pipeline, SpineError, Step, StepResult, Workflow, register_pipeline

#: Of so many shards, one is refused, one fails and one is held.
REFUSED, FAILING, HELD = 250, 100, 11
#: Seconds that a shard which was held takes when it is decided.
_TAKES = 0.2


def is_refused(shard: int) -> bool:
    """Whether the workflow does not take the shard."""
    return shard % REFUSED == REFUSED // 2


def is_failing(shard: int) -> bool:
    """Whether the shard's second step fails until the source is mended."""
    return shard % FAILING == FAILING - 1


def is_held(shard: int) -> bool:
    """Whether a person is asked about the shard."""
    return shard % HELD == HELD - 1 and not is_failing(shard)


class Params(BaseModel):
    """One shard."""

    shard: int

    @field_validator("shard")
    @classmethod
    def _is_in_service(cls, shard: int) -> int:
        if is_refused(shard):
            raise ValueError(f"shard {shard} is out of service")
        return shard


def _sql(statement: str) -> Any:
    from sqlalchemy import text  # noqa: PLC0415 - a run that loads this module for its params must not load it

    return text(statement)


@register_pipeline("chaos.backfill.load")
class Load(Pipeline):
    """Writes a row into a table without a key."""

    def run(self) -> dict[str, Any]:
        """Return one row."""
        values = {"number": self.params["shard"]}
        self.connection.execute(_sql("INSERT INTO chaos_rows (job, number) VALUES ('backfill', :number)"), values)
        return {"row_count": 1}


@register_pipeline("chaos.backfill.publish")
class Publish(Pipeline):
    """Fails for some shards, until somebody has mended the source."""

    def run(self) -> dict[str, Any]:
        """Return nothing."""
        mended = self.connection.execute(_sql("SELECT count(*) FROM chaos_rows WHERE job = 'mended'")).scalar()
        if is_failing(self.params["shard"]) and not mended:
            raise SpineError("the source is broken", ErrorCategory.DATA_QUALITY)
        sleep(_TAKES if is_held(self.params["shard"]) else 0)
        return {}


def look(context: Any, _config: Any) -> StepResult:
    """Fail where a person is asked."""
    return (
        StepResult.fail("a person is to look", "QUALITY_GATE") if is_held(context.params["shard"]) else StepResult.ok()
    )


BACKFILLED = Workflow(
    name="chaos.backfilled",
    params_model=Params,
    partition_by=("shard",),
    steps=[
        Step.pipeline("load", "chaos.backfill.load", local=True),
        Step.lambda_("look_waive", look, on_error="HOLD"),
        Step.pipeline("publish", "chaos.backfill.publish", local=True),
    ],
)

"""What of a step's output stands in its manifest row, and in the ledger's counts: one rule for every kind of step."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from spine_temporal.definition.json_values import json_size

#: Bytes, as JSON, of a value that is a metric, and of all of them: what is beyond stands in the ledger, or in history,
#: alone.
MAX_METRIC_BYTES = 1024
MAX_METRICS_BYTES = 16 * 1024
_ROW_COUNT = "row_count"


class StageReached(BaseModel):
    """A stage that a partition has reached: one row of the manifest, whoever writes it."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    stage: str
    stage_rank: int
    row_count: int | None = None
    metrics: Mapping[str, Any] = Field(default_factory=dict)
    execution_id: str | None = None
    batch_id: str | None = None


def rows_of(stages: Iterable[StageReached]) -> str:
    """Return the rows as JSON, as the statements that write them take them."""
    return json.dumps([stage.model_dump() for stage in stages])


def metrics_of(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that are small, in order, as far as all of them are."""
    metrics: dict[str, Any] = {}
    left = MAX_METRICS_BYTES
    for name, value in output.items():
        size = json_size(value)
        if size <= MAX_METRIC_BYTES:
            left -= size + len(name)
            if left < 0:
                break
            metrics[name] = value
    return metrics


def metrics_beside_rows(output: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same of a step that has written rows: how many has a column of its own."""
    return {name: value for name, value in metrics_of(output).items() if name != _ROW_COUNT}


def row_count_of(output: Mapping[str, Any]) -> int | None:
    """Return the output's ``row_count`` where it is a count that a bigint can hold."""
    count = output.get(_ROW_COUNT)
    if isinstance(count, bool) or not isinstance(count, int):
        return None
    return count if 0 <= count < 2**63 else None

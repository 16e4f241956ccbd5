"""What a pipeline's answer means for its step, and how its failure reads. Shared by every driver."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spine_temporal.definition.errors import ErrorCategory, SpineError
from spine_temporal.definition.faults import fault_of
from spine_temporal.definition.json_values import (
    MAX_OUTPUT_BYTES,
    JsonValueError,
    clean_text,
    require_size,
    to_json,
)
from spine_temporal.definition.pipeline import PipelineResult, PipelineStatus
from spine_temporal.machine.evaluate import quality_values
from spine_temporal.machine.step_outcome import Failed

_TOO_LARGE = "keep rows in Postgres and return counts and ids"


@dataclass(frozen=True, kw_only=True)
class PipelineAnswer:
    """What a pipeline's ``run`` has returned, as JSON. The step failed where ``failure`` is set."""

    output: Mapping[str, Any] = field(default_factory=dict)
    #: What the pipeline has measured of its data, also where it failed of it.
    quality: Mapping[str, Any] | None = None
    failure: SpineError | None = None


def answer_of(given: Any, *, step: str, pipeline: str) -> PipelineAnswer:
    """Return what the pipeline's answer means. Never raises: what is wrong with the answer is a failure of the step."""
    quality = None
    try:
        result = _result_of(given, pipeline)
        quality = quality_values(result.quality, f"quality of step {step!r}")
        return PipelineAnswer(output=_output_of(result, step, pipeline), quality=quality)
    except JsonValueError as error:
        failure = SpineError(str(error), ErrorCategory.CONFIGURATION)
    except Exception as error:  # noqa: BLE001 - what the answer holds may be of the user's classes
        failure = fault_of(error)
    return PipelineAnswer(quality=quality, failure=failure)


def failed_step(step: str, error: SpineError, *, attempt: int = 1) -> Failed:
    """Return the outcome of a step that has failed with this error, at this attempt."""
    return Failed(
        step=step,
        error=clean_text(str(error)),
        category=error.category.value,
        traceback=error.traceback,
        attempt=attempt,
    )


def _result_of(given: Any, pipeline: str) -> PipelineResult:
    match given:
        case PipelineResult():
            return given
        case None:
            return PipelineResult()
        case Mapping():
            return PipelineResult(metrics=given)
    raise SpineError(
        clean_text(f"pipeline {pipeline!r} returned a {type(given).__name__}: return a PipelineResult or a dict"),
        ErrorCategory.CONFIGURATION,
    )


def _output_of(result: PipelineResult, step: str, pipeline: str) -> dict[str, Any]:
    if result.status == PipelineStatus.FAILED:
        raise SpineError(result.error or f"pipeline {pipeline!r} failed", result.category)
    if result.status != PipelineStatus.COMPLETED:
        raise SpineError(
            clean_text(f"pipeline {pipeline!r} returned the status {result.status}: return COMPLETED or FAILED"),
            ErrorCategory.CONFIGURATION,
        )
    where = f"output of step {step!r}"
    output: dict[str, Any] = to_json(dict(result.metrics), where)
    require_size(output, where, MAX_OUTPUT_BYTES, _TOO_LARGE)
    return output

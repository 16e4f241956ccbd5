"""Which kind of attempt a pipeline has."""

from collections.abc import Callable, Sequence
from typing import Any

from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.recording.database import Database
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.chunked_attempt import ChunkedAttempt
from spine_temporal.translation.pipeline_messages import PipelineRequest


def attempt_of(
    request: PipelineRequest,
    pipeline: type[Pipeline],
    database: Database,
    beat: Callable[..., None],
    number: int,
    progress: Sequence[Any] = (),
    *,
    is_local: bool = False,
) -> Attempt:
    """Return the attempt: one transaction, or parts."""
    kind = Attempt if pipeline.transactional else ChunkedAttempt
    return kind(request, pipeline, database, beat, number, progress, is_local=is_local)

"""Where a worker makes the attempts of pipelines."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from temporalio import activity

from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.recording.database import Database
from spine_temporal.runtime.attempt import Attempt
from spine_temporal.runtime.brief_steps import BriefSteps
from spine_temporal.runtime.lost_workers import LostWorkers
from spine_temporal.runtime.source_limits import SourceLimits
from spine_temporal.translation.pipeline_messages import PipelineRequest, StepDone


class Running(Protocol):
    """An attempt that is being made."""

    @property
    def done(self) -> "asyncio.Future[Any]": ...  # noqa: D102
    async def result(self) -> StepDone: ...  # noqa: D102
    async def stop(self) -> StepDone | None: ...  # noqa: D102


class Place(Protocol):
    """Where attempts are made: in processes, or in threads of the worker."""

    async def begin(self, attempt: Attempt, beat: Callable[..., None]) -> Running: ...  # noqa: D102
    async def fingerprint(self, pipeline: type[Pipeline], params: Mapping[str, Any], patience: float) -> Any: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a worker makes attempts."""

    database: Database
    activities: Place
    #: For what its step says to run within the workflow task.
    local: Place
    lost: LostWorkers
    brief: BriefSteps
    limits: SourceLimits

    def of(self, request: PipelineRequest) -> Place:
        """Return where the attempt that the present activity asks for is made."""
        return self.local if activity.info().is_local and not request.is_brief else self.activities

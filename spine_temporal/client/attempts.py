"""How the attempts stand of the pipelines that a run waits for: which one it is, and how far it has told that it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The attempt of a step's pipeline that runs, or that is waited for."""

    step: str
    #: As Temporal counts: with attempts that were lost with their worker, or that waited for Postgres.
    number: int
    #: Attempts that the pipeline itself has failed, and how many it has; None: it has not failed.
    failures: int | None = None
    of: int | None = None
    error: str = ""
    started_at: datetime | None = None
    #: When it is tried again; None: it runs, or waits for a worker.
    next_at: datetime | None = None
    #: What it has told with ``heartbeat`` last, and when.
    progress: tuple[Any, ...] = ()
    told_at: datetime | None = None

    @property
    def which(self) -> str:
        """Which attempt it is, in words; nothing of a first one."""
        if self.failures is not None and self.of is not None:
            return f"attempt {self.failures + 1} of {self.of}"
        return f"attempt {self.number}" if self.number > 1 else ""

    @property
    def amount(self) -> tuple[int, str] | None:
        """How much of what is done, if the pipeline says it by ``heartbeat("rows", 1000)``."""
        match self.progress:
            case (str() as unit, bool() | int() as count, *_) if not isinstance(count, bool):
                return count, unit
        return None

    @property
    def per_second(self) -> float | None:
        """How much a second, in a first attempt, which began with nothing."""
        if self.amount is None or self.number > 1 or self.started_at is None or self.told_at is None:
            return None
        seconds = (self.told_at - self.started_at).total_seconds()
        return self.amount[0] / seconds if seconds > 0 else None


async def attempts_of(client: Client, description: WorkflowExecutionDescription) -> dict[str, Attempt]:
    """Return the attempts of the run's pending pipelines, by step."""
    found = [await _attempt(client, pending) for pending in description.raw_description.pending_activities]
    return {attempt.step: attempt for attempt in found}


async def _attempt(client: Client, pending: PendingActivityInfo) -> Attempt:
    counted = await _decoded(client, _details(pending.last_failure))
    failures, of = counted[:2] if [type(value) for value in counted[:2]] == [int, int] else (None, None)
    runs = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    return Attempt(
        step=pending.activity_id.partition("#")[0],
        number=pending.attempt,
        failures=failures,
        of=of,
        error=pending.last_failure.message,
        started_at=_moment(pending, "last_started_time") if runs else None,
        next_at=None if runs or pending.attempt == 1 else _moment(pending, "next_attempt_schedule_time"),
        progress=tuple(await _decoded(client, pending.heartbeat_details.payloads)),
        told_at=_moment(pending, "last_heartbeat_time"),
    )


def _details(failure: Failure) -> Sequence[Payload]:
    """Return what the pipeline's last own failure carries; a lost worker's failure has it as its cause."""
    while not failure.HasField("application_failure_info"):
        if not failure.HasField("cause"):
            return []
        failure = failure.cause
    return failure.application_failure_info.details.payloads


async def _decoded(client: Client, payloads: Sequence[Payload]) -> list[Any]:
    try:
        return await client.data_converter.decode(payloads) if payloads else []
    except Exception:  # noqa: BLE001 - another's codec: what cannot be read is not shown
        return []


def _moment(pending: PendingActivityInfo, name: str) -> datetime | None:
    moment: datetime = getattr(pending, name).ToDatetime(UTC)
    return moment if pending.HasField(name) else None  # type: ignore[arg-type]  # the names are checked by their use

"""How far a backfill has come: counts, rate, time left; as data, and as the text that Temporal's Web UI shows."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from spine_temporal.definition.backfill import BackfillPartitionStatus as Status
from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.definition.notification import Notification, NotificationKind
from spine_temporal.definition.severity import Severity
from spine_temporal.operating.backfill.messages import Summary, backfill_workflow_id
from spine_temporal.recording.backfill_partitions import PartitionCount
from spine_temporal.recording.backfills import BackfillRow

_SEVERITIES = {
    BackfillStatus.COMPLETED: Severity.INFO,
    BackfillStatus.CANCELLED: Severity.WARN,
    BackfillStatus.FAILED: Severity.ERROR,
}
#: Those that are runs which have ended.
_RUN = {Status.COMPLETED, Status.PARTIAL, Status.FAILED, Status.CANCELLED}


def summary_of(row: BackfillRow, counts: Sequence[PartitionCount], now: datetime) -> Summary:
    """Return how far the backfill has come; its rate counts runs that have ended, from the start of the first one."""
    partitions, skipped, failures = Counter[str](), Counter[str](), Counter[str]()
    for count in counts:
        partitions[count.status] += count.count
        if count.reason is not None and count.status is Status.SKIPPED:
            skipped[count.reason] += count.count
        if count.status is Status.FAILED:
            failures[count.category or "INTERNAL"] += count.count
    rate = _rate(counts, row.completed_at or now)
    left = partitions[Status.WAITING] + partitions[Status.RUNNING]
    return Summary(
        backfill_id=row.backfill_id,
        workflow=row.workflow,
        status=row.status,
        total=row.total,
        max_parallel=row.max_parallel,
        partitions={status: partitions[status] for status in Status if partitions[status]},
        skipped=_most_first(skipped),
        failures=_most_first(failures),
        per_second=rate,
        seconds_left=left / rate if rate and left else None,
        told=row.told,
    )


def end_told(row: BackfillRow, summary: Summary) -> Notification:
    """Return what people are told of a backfill that has ended; one that was resumed may end again."""
    counts = ", ".join(f"{count:,} {status}" for status, count in summary.partitions.items())
    told = f" ({row.told})" if row.told else ""
    return Notification(
        kind=NotificationKind.BACKFILL_ENDED,
        key=f"{row.backfill_id}/{row.completed_at}",
        domain=row.domain,
        workflow=row.workflow,
        severity=_severity(row, summary),
        category=next(iter(summary.failures), row.status.value),
        message=f"backfill {row.backfill_id} of {row.workflow} is {row.status}{told}: {counts}",
        workflow_id=backfill_workflow_id(row.backfill_id),
        details=summary.model_dump(mode="json"),
    )


def _severity(row: BackfillRow, summary: Summary) -> Severity:
    """Return how much it matters: what still waits for a person is told where successes are not."""
    is_open = row.status is BackfillStatus.COMPLETED and Status.HELD in summary.partitions
    return Severity.WARN if is_open else _SEVERITIES[row.status]


def _most_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _rate(counts: Sequence[PartitionCount], until: datetime) -> float | None:
    ended = sum(count.count for count in counts if count.status in _RUN)
    begun = min((count.first for count in counts if count.first is not None), default=None)
    seconds = 0.0 if begun is None else (until - begun).total_seconds()
    return ended / seconds if ended and seconds > 0 else None

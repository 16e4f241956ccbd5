"""What Temporal's Web UI shows of a backfill, as Markdown."""

from spine_temporal.operating.backfill.messages import Summary


def summary_details(summary: Summary) -> str:
    """Return how the backfill stands, how many partitions stand how, and why some were not run or have failed."""
    head = f"**{summary.status}**: `{summary.workflow}`, at most {summary.max_parallel} at a time"
    lines = [f"{head}; {summary.told}" if summary.told else head, "", "| Partitions | |", "|---|---|"]
    lines += [f"| {status.capitalize()} | {count:,} |" for status, count in summary.partitions.items()]
    lines += [f"| **Total** | {summary.total:,} |"]
    if summary.per_second:
        lines += ["", f"{summary.per_second:,.2f} runs a second{_left(summary)}"]
    lines += _table("Skipped because", summary.skipped)
    lines += _table("Failed of", summary.failures)
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Return a span of time in the two units that matter: ``1 h 20 min``, ``3 min 5 s``, ``12 s``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _left(summary: Summary) -> str:
    return f", about {duration(summary.seconds_left)} left" if summary.seconds_left else ""


def _table(title: str, counts: "dict[str, int] | object") -> list[str]:
    if not isinstance(counts, dict) or not counts:
        return []
    return ["", f"| {title} | |", "|---|---|", *(f"| `{name}` | {count:,} |" for name, count in counts.items())]

"""What Temporal's Web UI shows of a backfill, as Markdown."""

from urllib.parse import quote

from spine_temporal.operating.backfill.messages import Summary
from spine_temporal.translation.search_attributes import BACKFILL


def summary_details(summary: Summary, namespace: str) -> str:
    """Return how the backfill stands, how many partitions stand how, and why some were not run or have failed.

    At the end, the way to its runs: the query that lists them, as a link within the Web UI.
    """
    head = f"**{summary.status}**: `{summary.workflow}`, at most {summary.max_parallel} at a time"
    lines = [f"{head}; {summary.told}" if summary.told else head, "", "| Partitions | |", "|---|---|"]
    lines += [f"| {status.capitalize()} | {count:,} |" for status, count in summary.partitions.items()]
    lines += [f"| **Total** | {summary.total:,} |"]
    if summary.per_second:
        lines += ["", f"{summary.per_second:,.2f} runs a second{_left(summary)}"]
    lines += _table("Skipped because", summary.skipped)
    lines += _table("Failed of", summary.failures)
    query = f'{BACKFILL.name}="{summary.backfill_id}"'
    place = f"/namespaces/{quote(namespace, safe='')}/workflows?query={quote(query, safe='')}"
    lines += ["", f"Runs that it has started: [{query}]({place})"]
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

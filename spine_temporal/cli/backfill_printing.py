"""How backfills are shown to a person, and as JSON to a program."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import typer

from spine_temporal.cli.layout import Column, table, width_of
from spine_temporal.cli.printing import print_json, say
from spine_temporal.client.backfills import BackfillPlan
from spine_temporal.definition.backfill import BackfillPartitionStatus
from spine_temporal.operating.backfill.messages import Summary
from spine_temporal.recording.backfill_partitions import BackfillPartition
from spine_temporal.recording.backfills import BackfillRow

#: Partitions that a person is shown of each kind.
_EXAMPLES = 5


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """Print how a backfill stands, and the tables of what was skipped and of what has failed."""
    if as_json:
        typer.echo(summary.model_dump_json(indent=2))
        return
    _print_head(summary)
    _counts("SKIPPED BECAUSE", summary.skipped)
    _counts("FAILED OF", summary.failures)
    if summary.skipped or summary.failures or BackfillPartitionStatus.HELD in summary.partitions:
        say(f"each of them, with its reason: spine-temporal backfill show {summary.backfill_id}", err=True)


def _print_head(summary: Summary) -> None:
    told = f" ({summary.told})" if summary.told else ""
    say(f"Backfill {summary.backfill_id} of {summary.workflow}: {summary.status}{told}")
    _counts("PARTITIONS", summary.partitions)


def print_backfill(summary: Summary, rows: Sequence[BackfillPartition], *, as_json: bool) -> None:
    """Print how a backfill stands and each of these partitions."""
    if as_json:
        print_json({**summary.model_dump(mode="json"), "rows": [asdict(row) for row in rows]})
        return
    _print_head(summary)
    columns = (Column(title="PARTITION"), Column(title="STATUS"), Column(title="WHY"), Column(title="RUN", below=True))
    cells = [(row.params, row.status, _why(row), row.run_id) for row in rows]
    typer.echo("\n" + table(columns, cells, width_of()))


def print_plan(plan: BackfillPlan, *, as_json: bool) -> None:
    """Print what a backfill would do: which partitions it would start, resume and skip."""
    if as_json:
        print_json([asdict(row) for row in plan.seen])
        return
    skipped = [row for row in plan.seen if row.status is BackfillPartitionStatus.SKIPPED]
    run = [row for row in plan.seen if row not in skipped]
    say(f"{len(plan.seen):,} partitions of {plan.workflow.name}, and nothing was started or written:")
    _counts("WOULD BE", Counter("resumed" if row.resumes else "started" for row in run))
    _examples(run)
    _counts("SKIPPED BECAUSE", Counter(str(row.reason) for row in skipped))
    _examples(skipped)


def print_list(found: Iterable[tuple[BackfillRow, Summary]], *, as_json: bool) -> None:
    """Print backfills."""
    found = list(found)
    if as_json:
        print_json([{**asdict(row), **summary.model_dump(mode="json")} for row, summary in found])
        return
    if not found:
        say("no backfills")
        return
    columns = (
        Column(title="BACKFILL"),
        Column(title="STATUS"),
        Column(title="STARTED (UTC)"),
        Column(title="WORKFLOW"),
        Column(title="OVER"),
        Column(title="ENDED", right=True),
        Column(title="FAILED", right=True),
    )
    typer.echo(table(columns, [_listed(row, summary) for row, summary in found], width_of()))


def _listed(row: BackfillRow, summary: Summary) -> tuple[object, ...]:
    left = summary.partitions.get("WAITING", 0) + summary.partitions.get("RUNNING", 0)
    ended = f"{summary.total - left:,} of {summary.total:,}"
    failed = summary.partitions.get("FAILED", 0)
    return (row.backfill_id, row.status, row.created_at, row.workflow, dict(row.over), ended, failed)


def _counts(title: str, counts: Mapping[str, int]) -> None:
    if counts:
        columns = (Column(title=title), Column(title="", right=True))
        typer.echo("\n" + table(columns, counts.items(), width_of()))


def _examples(rows: Sequence[BackfillPartition]) -> None:
    for row in rows[:_EXAMPLES]:
        why = _why(row)
        say(
            ", ".join(f"{name}={value}" for name, value in row.params.items()) + (f": {why}" if why else ""),
            indent="  ",
        )
    if len(rows) > _EXAMPLES:
        say(f"and {len(rows) - _EXAMPLES:,} more", indent="  ")


def _why(row: BackfillPartition) -> str:
    return ": ".join(str(part) for part in (row.reason or row.category, row.detail) if part)

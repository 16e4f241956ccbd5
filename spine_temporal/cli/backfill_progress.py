"""What is shown of a backfill while it goes on: a bar on a terminal, lines from time to time elsewhere; on stderr."""

import asyncio
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from spine_temporal.client.backfill_handle import BackfillHandle
from spine_temporal.definition.backfill import BackfillStatus
from spine_temporal.operating.backfill.details import duration
from spine_temporal.operating.backfill.messages import Summary

#: Seconds between two looks, and between two lines where there is no terminal.
_LOOK, _LINE = 0.5, 10.0
#: Seconds after which somebody must work on it.
_PATIENCE = 3.0


async def follow_backfill(backfill: BackfillHandle, console: Console | None = None) -> Summary:
    """Show how far the backfill is until it has ended; a Ctrl-C leaves it going on."""
    console = console or Console(stderr=True, highlight=False)
    console.print(f"backfill {backfill.backfill_id}")
    try:
        return await _followed(backfill, console)
    except asyncio.CancelledError:
        console.print("the backfill goes on where there is a worker; watch it, or end it:")
        console.print(f"  spine-temporal backfill watch {backfill.backfill_id}", soft_wrap=True)
        console.print(f"  spine-temporal backfill cancel {backfill.backfill_id}", soft_wrap=True)
        raise


async def _followed(backfill: BackfillHandle, console: Console) -> Summary:
    live = console.is_terminal and not console.is_dumb_terminal
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    told_at, told, unserved_at = 0.0, "", time.monotonic() + _PATIENCE
    with Progress(*columns, console=console, disable=not live, transient=True) as bar:
        task = bar.add_task("")
        while not (summary := await backfill.summary()).status.has_ended:
            line = progress_text(summary)
            bar.update(task, total=summary.total, completed=done(summary), description=line)
            if not live and line != told and time.monotonic() - told_at > _LINE:
                told_at, told = time.monotonic(), line
                console.print(f"{done(summary):,} of {summary.total:,}  {line}", soft_wrap=True)
            if time.monotonic() > unserved_at and summary.status is BackfillStatus.RUNNING:
                unserved_at += _LINE
                await _tell_unserved(backfill, summary, console)
            await asyncio.sleep(_LOOK)
    return summary


async def _tell_unserved(backfill: BackfillHandle, summary: Summary, console: Console) -> None:
    """Say that nobody works on it, where that is so: it would wait without a word."""
    if not summary.partitions.get("RUNNING") and not await backfill.is_served():
        console.print("no worker works on it: start one with `spine-temporal worker`", soft_wrap=True)


def done(summary: Summary) -> int:
    """Return how many partitions have ended or were skipped."""
    return summary.total - summary.partitions.get("WAITING", 0) - summary.partitions.get("RUNNING", 0)


def progress_text(summary: Summary) -> str:
    """Return what there is to say beside the bar."""
    told = [f"{summary.partitions.get('RUNNING', 0)} running"]
    told += [f"{summary.per_second:,.2g}/s"] if summary.per_second else []
    told += [f"{duration(summary.seconds_left)} left"] if summary.seconds_left else []
    held = summary.partitions.get("HELD", 0)
    told += [f"{held:,} held"] if held else []
    failed = summary.partitions.get("FAILED", 0)
    told += [f"{failed:,} failed"] if failed else []
    if summary.status is not BackfillStatus.RUNNING:
        told += [f"{summary.status} ({summary.told})"]
    return ", ".join(told)

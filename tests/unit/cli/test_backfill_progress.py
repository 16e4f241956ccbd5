"""What is shown of a backfill while it goes on."""

from io import StringIO

import pytest
from rich.console import Console

from spine_temporal.cli import backfill_progress
from spine_temporal.cli.backfill_printing import print_backfill, print_summary
from spine_temporal.cli.backfill_progress import follow_backfill, progress_text
from spine_temporal.definition.backfill import BackfillPartitionStatus, BackfillStatus
from spine_temporal.operating.backfill.messages import Summary
from spine_temporal.recording.backfill_partitions import BackfillPartition


def summary(status="RUNNING", **values):
    return Summary(
        backfill_id="b1", workflow="sales.daily", status=BackfillStatus(status), total=10, max_parallel=4, **values
    )


class Backfill:
    """A backfill that stands a while as it does, and then has ended."""

    backfill_id = "b1"

    def __init__(self, *, served):
        self._left = [summary(partitions={"COMPLETED": 3, "WAITING": 7}), summary("COMPLETED")]
        self._served = served

    async def summary(self):
        return self._left.pop(0)

    async def is_served(self):
        return self._served


@pytest.mark.parametrize("served", [True, False])
async def test_it_is_told_that_no_worker_works_on_it(served, monkeypatch):
    monkeypatch.setattr(backfill_progress, "_PATIENCE", -1.0)
    monkeypatch.setattr(backfill_progress, "_LOOK", 0.0)
    console = Console(file=StringIO(), force_terminal=False)
    assert (await follow_backfill(Backfill(served=served), console)).status is BackfillStatus.COMPLETED
    told = console.file.getvalue().splitlines()
    assert told[:2] == ["backfill b1", "3 of 10  0 running"]
    assert ("no worker works on it: start one with `spine-temporal worker`" in told) is not served


def test_the_line_beside_the_bar_has_rate_time_failures_and_who_paused_it():
    going = summary("PAUSED", partitions={"RUNNING": 2, "FAILED": 1}, per_second=0.5, seconds_left=90, told="by ada")
    assert progress_text(going) == "2 running, 0.5/s, 1 min 30 s left, 1 failed, PAUSED (by ada)"


def test_what_is_held_is_told_beside_the_bar_and_leads_to_the_partitions_at_the_end(capsys):
    """The list of the partitions leads nowhere: it is what is looked for."""
    held = summary("COMPLETED", partitions={"COMPLETED": 9, "HELD": 1})
    assert "1 held" in progress_text(held)
    print_summary(held, as_json=False)
    assert "spine-temporal backfill show b1" in capsys.readouterr().err
    row = BackfillPartition(
        position=0, params={"day": "1"}, partition_key={"day": "1"}, workflow_id="sales.daily/day=1", not_before=None,
        status=BackfillPartitionStatus.HELD, detail="waits for a person at check",
    )  # fmt: skip
    print_backfill(held, [row], as_json=False)
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "waits for a person at check" in printed.out

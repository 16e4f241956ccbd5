"""What is run: the weekly refresh on many weeks, and generated workflows; the same list for the same seed."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import TIERS
from ops.chaos import jobs
from spine_temporal import Workflow
from workflows.finra.otc_transparency import WEEKLY_REFRESH

_FIRST_WEEK = date(2020, 1, 3)
#: Rows of a file: the first passes the gates, the second is too small for them.
_ROWS = (1100, 150)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: its workflow id begins with the key."""

    key: str
    workflow: Workflow
    params: dict[str, Any]
    #: Started a second time, under another workflow id, at about the same time; it must be one that completes.
    twice: bool = False


def work(count: int, seed: int, folder: Path) -> list[Job]:
    """Return ``count`` jobs, a third of them weekly refreshes whose files are written to the folder."""
    draw = random.Random(f"work/{seed}")
    folder.mkdir(parents=True, exist_ok=True)
    made = [_refresh(draw, number, folder) if number % 3 == 0 else _generated(draw, number) for number in range(count)]
    draw.shuffle(made)
    return made


def _refresh(draw: random.Random, number: int, folder: Path) -> Job:
    tier, week = list(TIERS.values())[number // 3 % 3], _FIRST_WEEK + timedelta(weeks=number // 9)
    path = folder / f"{tier.name}_{week}.csv"
    rows = draw.choices(_ROWS, weights=(8, 1))[0]
    write_sample(path, tier, week, rows)
    return Job(
        key=f"refresh-{number}",
        workflow=WEEKLY_REFRESH,
        params={"week_ending": week.isoformat(), "tier": tier.name, "file_path": str(path)},
        twice=rows == _ROWS[0] and draw.random() < 0.1,
    )


def _generated(draw: random.Random, number: int) -> Job:
    workflow = draw.choice(jobs.WORKFLOWS)
    return Job(key=f"job-{number}", workflow=workflow, params={"test": f"t{number}"}, twice=False)

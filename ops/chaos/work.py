"""What is run: the weekly refresh on many weeks, generated and mean workflows; the same list for the same seed."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import TIERS
from ops.chaos import jobs
from ops.hostile.mean import FINE, GATES, KEEPING, MEAN, PIPELINES
from spine_temporal import Workflow
from workflows.finra.otc_transparency import WEEKLY_REFRESH

_FIRST_WEEK = date(2020, 1, 3)
#: Rows of a file: the first passes the gates, the second is too small for them.
_ROWS = (1100, 150)
#: One job of so many is mean, and must leave the others alone.
_MEAN = 9


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: its workflow id begins with the key."""

    key: str
    workflow: Workflow
    params: dict[str, Any]
    #: Started a second time, under another workflow id, at about the same time; it must be one that completes.
    twice: bool = False

    @property
    def may_be_interrupted(self) -> bool:
        """Whether an operator may reset or end it, and it comes to the same end all the same.

        Not where a person decides of a gate, who would decide again, and not where a step needs its last attempt: one
        that was cut off is counted.
        """
        steps = [inner for step in self.workflow.steps for inner in (step, *getattr(step, "steps", ()))]
        is_held = any(getattr(step, "on_error", None) == "HOLD" for step in steps)
        return not (self.twice or is_held or any(_does(step) == "transient" for step in steps))


def _does(step: object) -> object:
    params = getattr(step, "params", None)
    return params.get("does") if isinstance(params, Mapping) else None


def work(count: int, seed: int, folder: Path) -> list[Job]:
    """Return ``count`` jobs, about a third of them weekly refreshes whose files are written to the folder."""
    draw = random.Random(f"work/{seed}")
    folder.mkdir(parents=True, exist_ok=True)
    makers = (_refresh, _generated, _generated)
    made = [
        _mean(draw, number) if number % _MEAN == _MEAN - 1 else makers[number % 3](draw, number, folder)
        for number in range(count)
    ]
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


def _mean(draw: random.Random, number: int) -> Job:
    """Return a mean job; how many rows a keeping one writes depends on how many attempts the trouble makes of it."""
    pipelines = [name for name in PIPELINES if name not in KEEPING]
    gate, pipeline = draw.choice([(FINE, draw.choice(pipelines)), (draw.choice(list(GATES)), FINE)])
    return Job(key=f"mean-{number}", workflow=MEAN, params={"test": f"m{number}", "gate": gate, "pipeline": pipeline})


def _generated(draw: random.Random, number: int, _folder: Path) -> Job:
    workflow = draw.choice(jobs.WORKFLOWS)
    return Job(key=f"job-{number}", workflow=workflow, params={"test": f"t{number}"})

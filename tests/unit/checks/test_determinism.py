"""Gates that differ between replays are found before they run; ordinary gates are left alone."""

import datetime as dates
import functools
import os
import random
import socket
import statistics
import time
import uuid
from datetime import date, datetime, timedelta
from datetime import datetime as moment
from decimal import Decimal
from pathlib import Path

import pytest

from spine_temporal import StepResult
from spine_temporal.checks import find_nondeterminism


def _helper():
    return datetime.now()


def _local_import(ctx, config):
    import random as dice

    return StepResult.ok(output={"n": dice.random()})


def _nested(ctx, config):
    def inner():
        return [time.time() for _ in range(3)]

    return StepResult.ok(output={"n": inner()})


def _with_open(ctx, config):
    with open("/etc/hosts") as file:
        return StepResult.ok(output={"n": file.read()})


@pytest.mark.parametrize(
    ("gate", "call"),
    [
        (lambda ctx, config: datetime.now(), "datetime.datetime.now"),
        (lambda ctx, config: moment.utcnow(), "datetime.datetime.utcnow"),
        (lambda ctx, config: dates.datetime.now(), "datetime.datetime.now"),
        (lambda ctx: date.today().isoformat() > "2026", "datetime.date.today"),
        (lambda ctx, config: time.time(), "time.time"),
        (lambda ctx, config: random.random(), "random.random"),
        (lambda ctx, config: random.choice([1, 2]), "random.choice"),
        (lambda ctx, config: uuid.uuid4(), "uuid.uuid4"),
        (lambda ctx, config: os.environ["HOME"], "os"),
        (lambda ctx, config: os.getenv("HOME"), "os.getenv"),
        (lambda ctx, config: socket.socket(), "socket.socket"),
        (lambda ctx, config: Path("x").read_text(), "pathlib.Path.read_text"),
        (lambda ctx, config: _helper(), "datetime.datetime.now"),
        (functools.partial(lambda limit, ctx, config: time.monotonic() > limit, 3), "time.monotonic"),
        (_local_import, "random.random"),
        (_nested, "time.time"),
        (_with_open, "builtins.open"),
    ],
)
def test_a_call_that_differs_between_replays_is_named(gate, call):
    findings = find_nondeterminism(gate)
    assert findings
    assert findings[0].call.startswith(call)
    assert "test_determinism.py:" in findings[0].where


def _clean(ctx, config):
    rows = ctx.get_output("ingest", "row_count", 0)
    days = [datetime.fromisoformat(text) for text in config["days"]]
    spread = max(days) - min(days) if days else timedelta()
    mean = statistics.fmean([1.0, 2.0])
    if (limit := Decimal("0.05")) < Decimal(str(mean)) and rows < 1000:
        return StepResult.fail(f"Too few: {rows} in {spread.days} days, {limit}")
    return StepResult.ok(output={"sorted": sorted({3, 1, 2}), "seeded": random.Random(7).random()})


@pytest.mark.parametrize(
    "gate",
    [
        _clean,
        lambda ctx: ctx.params.get("full_refresh", False),
        lambda ctx, config: StepResult.ok(),
        functools.partial(lambda limit, ctx, config: limit, 3),
        len,
        lambda ctx, config: date.fromisoformat("2026-01-02").isoweekday() == 5,
        lambda ctx, config: print("rows", ctx.params),
    ],
)
def test_an_ordinary_gate_is_left_alone(gate):
    assert find_nondeterminism(gate) == []

"""Sample files: the same bytes for the same options, in FINRA's format, good enough for every gate."""

import re

import pytest
from typer.testing import CliRunner

from activities.finra.otc_transparency.commands import app
from activities.finra.otc_transparency.parse import parse
from activities.finra.otc_transparency.sample_data import write_sample
from activities.finra.otc_transparency.week import TIERS, week_ending_of
from tests.postgres.finra.weekly_file import HEADER, WEEK
from workflows.finra.otc_transparency import WEEKLY_REFRESH


def gate(name, outputs):
    from spine_temporal import WorkflowContext

    step = next(step for step in WEEKLY_REFRESH.steps if step.name == name)
    return step.handler(WorkflowContext(outputs=outputs), step.config)


def sample(folder, tier, rows=4000, seed=1):
    path = folder / f"{tier}_{seed}.csv"
    assert write_sample(path, TIERS[tier], week_ending_of(WEEK), rows, seed) == rows
    return path.read_bytes()


@pytest.mark.parametrize("tier", TIERS)
def test_a_sample_passes_the_pipelines_and_the_gates(refresh, tmp_path, tier):
    ingest, normalize, aggregate = refresh(sample(tmp_path, tier, rows=6000), tier=tier)
    assert (ingest["row_count"], ingest["error_count"]) == (6000, 0)
    assert normalize["rejects_by_reason"] == {"BAD_DATE": 1, "BAD_SHARES": 1, "BAD_TRADES": 1, "EMPTY_SYMBOL": 1}
    assert aggregate["invariants_ok"] is True
    outputs = {"ingest": ingest, "normalize": normalize}
    assert gate("validate_ingest", outputs).success
    assert gate("validate_normalize", outputs).success


def test_the_same_options_give_the_same_bytes_and_another_seed_gives_others(tmp_path):
    first = sample(tmp_path, "NMS_TIER_1")
    assert sample(tmp_path, "NMS_TIER_1") == first
    assert sample(tmp_path, "NMS_TIER_1", seed=2) != first


def test_a_sample_has_the_symbols_and_the_day_of_its_tier(tmp_path):
    text = sample(tmp_path, "NMS_TIER_1", rows=20_000).decode()
    symbols = {line.split("|")[1] for line in text.splitlines()[1:]}
    assert any(re.fullmatch(r"[A-Z]+\.[AB]", symbol) for symbol in symbols)
    assert any(re.fullmatch(r"[A-Z]+p[A-Z]", symbol) for symbol in symbols)
    assert parse(text.encode(), "sample").values(7) == {"2025-12-15", "2025-02-30"}
    shares = sorted((float(line.split("|")[5]) for line in text.splitlines()[1:] if "n/a" not in line), reverse=True)
    assert sum(shares[:2000]) > sum(shares) / 2


def test_the_command_writes_a_sample(tmp_path):
    path = tmp_path / "out.csv"
    options = ["--tier", "otc", "--week-ending", "2025-11-27", "--rows", "12", "--out", str(path)]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0, done.output
    assert "12 rows, OTC, week ending 2025-11-28" in done.output
    assert path.read_text().splitlines()[0] == HEADER
    assert len(path.read_text().splitlines()) == 13

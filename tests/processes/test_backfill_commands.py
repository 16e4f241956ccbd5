"""Wrong calls of ``backfill`` and ``coverage`` are told in a sentence, before anything is written."""

import pytest

WEEKLY = "finra.otc_transparency.weekly_refresh"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backfill", WEEKLY), "Missing option '--over'"),
        (("backfill", "weekly", "--over", "tier=OTC"), "unknown workflow 'weekly'"),
        (("backfill", WEEKLY, "--over", "tier"), "must be PARAM=VALUES"),
        (("backfill", WEEKLY, "--over", "tier=OTC", "--max-parallel", "0"), "from 1 to 1,000"),
        (("backfill", WEEKLY, "--over", "week_ending=2025-01-03..2025-01-31:x:y"), "calendar 'x:y' cannot be loaded"),
        (("backfill", "set", "x"), "Missing option '--max-parallel'"),
        (("coverage", WEEKLY, "--over", "tier=OTC", "-o", "x.png"), "says no form"),
    ],
)
def test_a_call_that_is_wrong_by_itself_exits_2(spine, arguments, words):
    ended = spine(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in " ".join(ended.stderr.replace("│", " ").split())


def test_what_only_the_database_can_refuse_is_told_too(spine):
    assert spine("db", "upgrade").returncode == 0
    for arguments, words in (
        (
            ("backfill", WEEKLY, "--over", "tier=OTC,XYZ", "--dry-run"),
            "none of the 2 partitions can be run",
        ),
        (("backfill", WEEKLY, "--over", "tier=OTC", "-p", "tier=OTC", "--dry-run"), "'tier' is given by over"),
        (("backfill", "pause", "x"), "there is no backfill 'x': `spine-temporal backfill list` has them"),
    ):
        ended = spine(*arguments)
        assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
        assert words in ended.stderr
    assert spine("backfill", "list").stdout == "no backfills\n"

"""The week's totals as files: the same parts, however often they are written, and from where it was left."""

import os

import pytest

from activities.finra.otc_transparency.publish import PublishWeek
from spine_temporal import SpineError
from spine_temporal.testing.services import run_pipeline
from tests.postgres.finra.weekly_file import WEEK, line

PARAMS = {"tier": "OTC", "week_ending": WEEK, "part_rows": 2}


def _texts(folder):
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_the_parts_are_whole_and_the_same_again(refresh, services, tmp_path):
    refresh([line(symbol) for symbol in ("AAAA", "BBBB", "CCCC", "DDDD", "EEEE")])
    services.progress = ()
    folder = tmp_path / "published"
    metrics = run_pipeline(PublishWeek, PARAMS | {"publish_to": str(folder)}, services)
    assert metrics == {"row_count": 5, "part_count": 3, "folder": str(folder)}
    texts = _texts(folder)
    assert list(texts) == ["part-00001.csv", "part-00002.csv", "part-00003.csv"]
    assert texts["part-00003.csv"].splitlines() == [
        "symbol,issue_name,total_shares,total_trades,venue_count,top_mpid",
        "EEEE,A Name,100.000000,2,1,OTCN",
    ]
    (folder / "part-00003.csv").unlink()
    services.progress = (2, 4, "DDDD")
    again = run_pipeline(PublishWeek, PARAMS | {"publish_to": str(folder)}, services)
    assert (again, _texts(folder)) == (metrics, texts)


def test_nothing_is_published_outside_of_the_workers_folders(refresh, services, tmp_path, monkeypatch):
    refresh([line()])
    monkeypatch.setenv("SPINE_DATA_ROOTS", str(tmp_path / "allowed"))
    for given in (tmp_path / "elsewhere", tmp_path / "allowed" / ".." / "elsewhere"):
        with pytest.raises(SpineError, match=r"^NOT_ALLOWED: "):
            run_pipeline(PublishWeek, PARAMS | {"publish_to": str(given)}, services)
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_in_the_place_of_a_draft_is_not_written_through(refresh, services, tmp_path):
    refresh([line()])
    folder, kept = tmp_path / "published", tmp_path / "kept"
    folder.mkdir()
    kept.write_text("mine")
    (folder / f"part-00001.{os.getpid()}.draft").symlink_to(kept)
    run_pipeline(PublishWeek, PARAMS | {"publish_to": str(folder)}, services)
    assert kept.read_text() == "mine"
    assert not (folder / "part-00001.csv").is_symlink()


@pytest.mark.parametrize("given", [0, -1, True, "2", 10**9])
def test_a_number_of_rows_that_is_none_is_refused(refresh, services, tmp_path, given):
    refresh([line()])
    with pytest.raises(SpineError, match=r"^BAD_PARAM: part_rows .* must be a number from 1 to"):
        run_pipeline(PublishWeek, PARAMS | {"publish_to": str(tmp_path), "part_rows": given}, services)


@pytest.mark.parametrize("given", [None, "", 7])
def test_a_folder_must_be_given(services, given):
    with pytest.raises(SpineError, match="must be the path of a folder"):
        run_pipeline(PublishWeek, PARAMS | {"publish_to": given}, services)

"""The week's totals as files: the same parts, however often they are written, and from where it was left."""

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


@pytest.mark.parametrize("given", [None, "", 7])
def test_a_folder_must_be_given(services, given):
    with pytest.raises(SpineError, match="must be the path of a folder"):
        run_pipeline(PublishWeek, PARAMS | {"publish_to": given}, services)

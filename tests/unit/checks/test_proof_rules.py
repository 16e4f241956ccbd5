"""Which tests and pages a workflow has, by the names in them; fixtures and helpers count."""

import pytest

from tests.unit.checks.cases import CORPUS, checked

CASE = CORPUS / "good_record_count.py"
ALL = {"SPN601", "SPN602", "SPN603", "SPN604", "SPN605"}
UNIT = "def test_few():\n    assert not check_record_count(None, {}).success\n"
WHOLE = "def test_whole():\n    assert run_in_process(DAILY, {}, {}).completed_steps == ['ingest', 'validate']\n"
FAILURE = "def test_stops(daily):\n    assert daily(rows=1).error_step == 'validate'\n"
FIXTURE = "import pytest\n@pytest.fixture\ndef daily():\n    return lambda **p: run_in_process(DAILY, p, {})\n"
TWICE = "def test_whole_twice(daily):\n    assert daily().status == daily().status == 'COMPLETED'\n"
STRINGS = "def test_command(spine):\n    assert 'COMPLETED' in spine('run', 'shop.daily').stdout\n"
CASES = "@gate_cases(DAILY, 'validate', few=fails({}))\ndef test_few(): ...\n"
OTHER_CASES = CASES.replace("'validate'", "'other'")
DURABLY = "def test_whole(run_durably):\n    assert_completed(run_durably(DAILY, {}))\n"
STOPPED = "def test_stops(run_workflow):\n    assert_failed(run_workflow(DAILY, {}), at='validate')\n"
DURABLY_TWICE = "def test_rows(run_durably):\n    assert run_durably(DAILY).rows == run_durably(DAILY).rows\n"


@pytest.fixture
def lacking(shop, tmp_path):
    """Return the codes of what a project lacks that has these files."""

    def look(**files):
        for name, text in files.items():
            path = tmp_path / ("docs/daily.md" if name == "page" else f"tests/{name}.py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return {finding.code for finding in checked(CASE, project=tmp_path).findings}

    return look


def test_without_a_project_nobody_asks_for_tests(shop):
    assert checked(CASE).findings == ()


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, ALL),
        ({"test_a": UNIT}, ALL - {"SPN601"}),
        ({"test_a": WHOLE}, ALL - {"SPN602"}),
        ({"test_a": FIXTURE + FAILURE}, ALL - {"SPN603"}),
        ({"test_a": FAILURE, "conftest": FIXTURE}, ALL - {"SPN603"}),
        ({"test_a": FAILURE}, ALL),
        ({"test_a": STRINGS}, ALL - {"SPN602"}),
        ({"test_a": CASES}, ALL - {"SPN601"}),
        ({"test_a": OTHER_CASES}, ALL),
        ({"test_a": DURABLY}, ALL - {"SPN602"}),
        ({"test_a": STOPPED}, ALL - {"SPN603"}),
        ({"test_a": DURABLY_TWICE}, ALL - {"SPN604"}),
        ({"a": UNIT + WHOLE}, ALL),
        ({"test_a": "def broken(:\n" + UNIT}, ALL),
        ({"page": "# Daily\n\n`shop.daily` reads ...\n"}, ALL - {"SPN605"}),
        ({"test_a": UNIT + WHOLE + FIXTURE + FAILURE + TWICE, "page": "shop.daily"}, set()),
    ],
)
def test_what_is_there_is_not_asked_for(lacking, files, left):
    assert lacking(**files) == left

"""The domain's page names every code and anomaly that its code can give."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "finra" / "otc_transparency.md").read_text()
CODES = {
    code
    for path in (ROOT / "activities" / "finra").glob("**/*.py")
    if "migrations" not in path.parts
    for code in re.findall(r"""["']([A-Z]+(?:_[A-Z]+)+)["']""", path.read_text())
}


def test_codes_were_found():
    assert {"WEEK_MISMATCH", "API_TRUNCATED", "LARGE_REVISION", "SYMBOL_COUNT", "NO_CAPTURE"} <= CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_page_names_it(code):
    assert f"`{code}`" in PAGE

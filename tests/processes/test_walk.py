"""The quickstart and the page for one's own project: whatever they have one write and type does what they say."""

import os
import subprocess
import sys

import pytest

from ops.walk.page import PAGES, Command, File, parts
from tests.conftest import ROOT


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_page_is_walked_from_an_empty_home_to_a_job_that_temporal_starts():
    ended = subprocess.run(
        [sys.executable, "-m", "ops.walk"],
        env=os.environ | {"PIP_NO_COMPILE": "1"},  # a third of its time
        cwd=ROOT, capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-4000:]
    walked = [line.removeprefix("$ ") for line in ended.stdout.splitlines() if line.startswith("$ ")]
    told = (part for page in PAGES for part in parts(page.read_text()))
    assert walked == [part.text.splitlines()[0] for part in told if isinstance(part, Command)]
    assert "temporal schedule trigger --schedule-id prices-daily" in walked


def test_a_page_is_read_as_files_and_commands_and_what_they_print():
    page = "**`a.py`**\n\n```python\nx = 1\n```\n\n```sh\nls    # exits 2\n#> no … such\n#> file\n\necho \\\n  b\n```\n"
    file, listing, echo = parts(page)
    assert file == File(path="a.py", text="x = 1\n")
    assert (listing.exit_code, listing.printed) == (2, ["no … such", "file"])
    assert (echo.text, echo.exit_code, echo.printed) == ("echo \\\n  b", 0, [])
    assert listing.missing("no   one such\nfile\n") is None
    assert listing.missing("file\nno one such\n") == "file"

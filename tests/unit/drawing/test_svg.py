"""SVGs are well-formed, say what they show, load nothing, and no text of them lies on another."""

import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from spine_temporal.drawing.run_record import Check
from spine_temporal.drawing.svg_graph import graph_svg
from spine_temporal.drawing.svg_timeline import timeline_svg
from spine_temporal.machine.planning import plan_of
from tests.unit.drawing.builders import BRANCHED, INNER, NESTED, record, run_of, span

SVG = "{http://www.w3.org/2000/svg}"
RUN = run_of(
    record(
        "ingest",
        0,
        3,
        rows=5000,
        attempt=3,
        spans=[span("QUEUED", 0, 0.5), span("RETRIES", 0.5, 2), span("ATTEMPT", 2, 3, attempt=3)],
    ),
    record("large", 3, 3, kind="choice", checks=[Check(name="a <b> & c", value=1.5, threshold=2, passed=False)]),
    record("split", status="SKIPPED"),
    record("whole", 3, 4, status="FAILED", error="x" * 50 + " and more words than a line has" * 4, error_category="B"),
    record("publish", 4, None, kind="lambda", status="HELD", spans=[span("HELD", 4)]),
    record("pause", 4, None, kind="wait", status="RUNNING"),
    record("each", 4, None, kind="map", status="RUNNING", items={"each[0]": [span("ATTEMPT", 4, 5)]}),
)
PICTURES = {
    "a graph": graph_svg(BRANCHED),
    "with inner steps": graph_svg(BRANCHED, inner={"inner": plan_of(INNER)}),
    "a nested choice": graph_svg(NESTED),
    "a run": graph_svg(BRANCHED, run=RUN),
    "a timeline": timeline_svg(BRANCHED, RUN),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_it_is_well_formed_and_says_what_it_shows(picture):
    root = ElementTree.fromstring(picture)
    assert root.attrib["role"] == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {description.attrib['id']}"
    assert title.text.startswith(("Graph of w", "Timeline of w"))
    assert "ingest" in description.text or "outer" in description.text


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_it_loads_nothing_and_has_colours_for_light_and_dark(picture):
    assert "prefers-color-scheme: dark" in picture
    assert re.findall(r"https?://[^\"]*", picture) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(script|image|foreignObject|use)|@import|@font-face|url\((?!#)", picture)


def test_what_a_status_says_is_never_said_by_a_colour_alone():
    words = "".join(ElementTree.fromstring(PICTURES["a run"]).itertext())
    for status in ("COMPLETED, 3 s, 5,000 rows, attempt 3", "SKIPPED", "FAILED", "HELD", "NOT REACHED"):
        assert status in words


#: What a browser measures: each text's box, against each other's and against the picture's.
MEASURE = """
<script>
addEventListener("load", () => {
  const found = [];
  for (const svg of document.querySelectorAll("svg")) {
    const whole = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll("text")].map(each => [each.textContent, each.getBoundingClientRect()]);
    boxes.forEach(([words, a], i) => {
      if (a.left < whole.left || a.right > whole.right || a.bottom > whole.bottom) found.push(`${words} is cut`);
      boxes.slice(i + 1).forEach(([others, b]) => {
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
          found.push(`${words} lies on ${others}`);
      });
    });
    found.push(`measured ${boxes.length > 5}`);
    for (const card of svg.querySelectorAll("g")) {
      const rect = [...card.children].find(each => each.tagName == "rect" && each.classList.contains("box"));
      const texts = [...card.children].filter(each => each.tagName == "text");
      if (!rect || !svg.querySelector("title").textContent.startsWith("Graph")) continue;
      const box = rect.getBoundingClientRect();
      const leaves = texts.filter(each => each.getBoundingClientRect().right > box.right);
      found.push(...leaves.map(each => `${each.textContent} leaves its box`));
    }
  }
  document.body.innerHTML = "<pre id=found>" + found.join("\\n") + "</pre>";
});
</script>
"""


def test_in_a_browser_no_text_lies_on_another_or_leaves_its_box(tmp_path, absent):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        absent("no Chromium on the PATH: install it to test how pictures look")
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body>{''.join(PICTURES.values())}{MEASURE}</body>")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    arguments = [program, *flags, f"--user-data-dir={tmp_path}", "--window-size=1600,4000", "--dump-dom"]
    dom = subprocess.run([*arguments, page.as_uri()], capture_output=True, text=True, check=True).stdout
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)[1].split("\n")
    assert found == ["measured true"] * len(PICTURES)

"""``check`` as it is typed: what it prints, how it exits, and what it says of a wrong call. It needs no server."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from ops.walk.page import PAGE, File, parts
from tests.processes.conftest import ROOT

#: The page of this command.
CHECKS = (ROOT / "docs" / "checks.md").read_text()

GOOD = """
from spine_temporal import Pipeline, Step, StepResult, Workflow, register_pipeline

print("imported")


@register_pipeline("shop.ingest")
class Ingest(Pipeline):
    def run(self):
        return {"row_count": 1}


def check(ctx, config):
    return StepResult.ok() if ctx.get_output("ingest", "row_count") else StepResult.fail("none")


DAILY = Workflow(name="shop.daily", steps=[Step.pipeline("ingest", "shop.ingest"), Step.lambda_("check", check)])
"""
CLOCK = GOOD.replace("return StepResult.ok() if", "return StepResult.ok() if time() and").replace(
    "from spine", "from time import time\nfrom spine", 1
)
KEY = GOOD.replace('"row_count")', '"rows")')


@pytest.fixture
def typed(tmp_path, warm):
    """Run the command in a folder with these files."""

    def run(*arguments, cwd=tmp_path, **files):
        for name, text in files.items():
            (tmp_path / name.replace("_toml", ".toml")).with_suffix(".toml" if "toml" in name else ".py").write_text(
                text
            )
        return subprocess.run(
            warm.spine("check", *arguments),
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


def test_nothing_is_found_in_what_is_good(typed):
    ended = typed("good.py", good=GOOD)
    assert (ended.returncode, ended.stdout) == (0, "nothing found in 1 workflow and 1 module\n")
    assert ended.stderr == "imported\n"


def test_an_error_has_its_place_and_two_sentences(typed):
    ended = typed("bad.py", bad=CLOCK)
    assert ended.returncode == 1
    where, mend, summary = ended.stdout.splitlines()
    head = "error SPN101: gate 'check' of workflow 'shop.daily' calls time.time, which reads the clock"
    assert where == f"bad.py:15:31: {head}"
    assert mend == "    Use ctx.started_at, or let a pipeline return the time."
    assert summary == "1 error in 1 workflow and 1 module"


def test_a_warning_is_refused_only_where_it_is_strict(typed):
    assert typed("bad.py", bad=KEY).returncode == 0
    ended = typed("bad.py", "--strict", "--json")
    assert ended.returncode == 1
    told = json.loads(ended.stdout)
    assert told["summary"] == {"errors": 0, "warnings": 1, "hints": 0, "workflows": 1, "modules": 1}
    [finding] = told["findings"]
    assert (finding["code"], finding["severity"], finding["file"], finding["line"]) == (
        "SPN404",
        "warning",
        "bad.py",
        14,
    )
    assert finding["message"].endswith("reads 'rows' of 'ingest', which gives row_count")


def test_a_project_says_what_is_checked_and_how(typed, tmp_path):
    settings = 'modules = ["jobs"]\n[check]\ndisable = ["SPN602", "SPN603", "SPN604", "SPN605"]\n'
    (tmp_path / "below").mkdir()
    ended = typed(cwd=tmp_path / "below", spine_toml=f'{settings}severity = {{ SPN404 = "error" }}\n', jobs=KEY)
    assert ended.returncode == 1
    assert "error SPN404" in ended.stdout
    assert "hint SPN601: no test calls check" in ended.stdout
    log = json.loads(typed("--sarif", spine_toml=settings).stdout)
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["SPN404", "SPN601"]


def test_a_module_that_cannot_be_imported_is_a_finding_and_the_others_are_checked(typed):
    ended = typed("a.py", "b.py", a="import nowhere\n", b=CLOCK)
    assert "a.py:1:1: error SPN001: module 'a' cannot be imported: ModuleNotFoundError" in ended.stdout
    assert "2 errors in 1 workflow and 1 module" in ended.stdout


def test_a_module_that_ends_the_program_is_a_finding(typed):
    ended = typed("a.py", a="import sys\nsys.exit(3)\n")
    assert ended.returncode == 1
    assert "a.py:2:1: error SPN001: module 'a' cannot be imported: SystemExit: 3" in ended.stdout


def test_a_file_that_has_the_name_of_another_module_is_not_taken_for_it(typed):
    ended = typed("json.py", json="LIMIT = 3\n")
    assert ended.returncode == 2
    assert "json.py' has the name of another module, 'json' (" in ended.stderr


def test_a_code_is_explained(typed):
    ended = typed("--explain", "spn203")
    assert ended.returncode == 0
    assert ended.stdout.startswith("SPN203 (error): a StepResult is not returned\n")
    assert "Instead of:\n    if rows < 100: StepResult.fail(" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["nowhere"], "", "there is no module 'nowhere': name a module, a .py file or a folder"),
        (["nowhere.py"], "", "there is no file or folder 'nowhere.py': name a module, a .py file or a folder"),
        (["a folder/"], "", "there is no file or folder 'a folder/'"),
        ([], "", "there is nothing to check: none of the modules activities, workflows is here: name modules"),
        (["--explain", "SPN20"], "", "there is no code 'SPN20': codes are SPN001 to SPN605"),
        (["--json", "--sarif"], "", "--json and --sarif are two forms of one answer: give one of them"),
        (["--nonsense"], "", "No such option"),
        ([], "[check]\ndisable = ['SPN999']", "check.disable in "),
        ([], "check = 3", "spine.toml is 3: it must be a table"),
    ],
)
def test_a_wrong_call_is_told_in_a_sentence(typed, arguments, settings, words):
    ended = typed(*arguments, spine_toml=settings)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture
def typed_project(tmp_path):
    """Write the project that a new user types."""
    for part in parts(PAGE.read_text()):
        if isinstance(part, File):
            (tmp_path / part.path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / part.path).write_text(part.text)


def test_the_project_that_a_new_user_types_has_no_error_and_no_warning(typed, typed_project):
    ended = typed("--strict", "--json")
    summary = json.loads(ended.stdout)["summary"]
    assert (ended.returncode, summary["errors"], summary["warnings"], summary["workflows"]) == (0, 0, 0, 1)


def test_the_commands_of_the_page_work_word_for_word(typed, typed_project):
    block = CHECKS.split("```\n", 2)[1]
    commands = [shlex.split(line, comments=True)[2:] for line in block.splitlines()]
    # The last one asks a Postgres, of which there is none here.
    assert [(*command, typed(*command).returncode) for command in commands] == [
        (0,),
        ("workflows/prices.py", 0),
        ("--explain", "SPN101", 0),
        ("--strict", 0),
        ("--recorded", 3),
    ]


def test_it_loads_neither_temporal_nor_postgres(tmp_path):
    (tmp_path / "good.py").write_text(GOOD)
    code = (
        "import sys, typer\nfrom spine_temporal.cli.main import app\n"
        "try: app(['check', 'good.py'], standalone_mode=False)\nexcept typer.Exit: pass\n"
        "print({'temporalio', 'sqlalchemy', 'psycopg', 'alembic'} & {*sys.modules})"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SPINE_MODULES": "good"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "set()"


def test_the_hook_of_pre_commit_names_the_command():
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "entry: spine-temporal check\n" in hook
    assert "- id: spine-temporal-check\n" in hook
    assert "- id: spine-temporal-check\n" in CHECKS

"""The catalogue of errors has every category, code, failure type and exit code of the source, and no other."""

import ast
import re

import pytest

from spine_temporal.cli.errors import ExitCode
from spine_temporal.definition.errors import ErrorCategory
from spine_temporal.definition.severity import AnomalyCategory, Severity
from spine_temporal.recording.database_errors import _CATEGORIES
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "errors.md").read_text()
#: The page of the reference domain, which has the codes of its pipelines.
FINRA = (ROOT / "docs" / "finra" / "otc_transparency.md").read_text()
CODE = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*"
#: A code opens its message.
OPENING = re.compile(rf"({CODE}): ")


def trees(room):
    """The rooms' modules; rules of `check` have a page of their own."""
    paths = [path for path in (ROOT / room).rglob("*.py") if "checks" not in path.parts]
    return [ast.parse(path.read_text()) for path in paths]


def texts(node):
    """What a string begins with: of all that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from texts(node.values[0])
    elif isinstance(node, ast.IfExp):
        yield from [*texts(node.body), *texts(node.orelse)]


def codes(tree):
    """The codes that a module gives to its errors."""
    helpers = {
        function.name: [argument.arg for argument in function.args.args].index("code")
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and "code" in {argument.arg for argument in function.args.args}
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=function, args=given, keywords=named):
                values = [word.value for word in named if word.arg == "code"]
                at = helpers.get(getattr(function, "id", ""))
                yield from opening_words([*values, *(given[at : at + 1] if at is not None else ())])
            case ast.FunctionDef(name=name, args=ast.arguments(defaults=defaults)) if name in helpers:
                yield from opening_words(defaults)
            case ast.Assign(targets=[ast.Name(id="CODE")], value=value):
                yield from opening_words([value])
            case ast.JoinedStr() | ast.Constant():
                yield from (found[1] for text in texts(node) if (found := OPENING.match(text)))


def opening_words(values):
    for text in (text for value in values for text in texts(value)):
        if found := re.match(rf"{CODE}(?= |$)", text):
            yield found[0]


def constants(room):
    """The names of a room that stand for themselves: HELD = "HELD"."""
    for tree in trees(room):
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)) if name == value:
                    yield name


def given_words(page):
    return set(re.findall(rf"`({CODE})`", page))


def rows(title):
    """The rows of a part of the page, by the name that each begins with."""
    part = PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = re.findall(rf"^\| (?:\d+ \| )?`({CODE})` \| (.*) \|$", part, re.MULTILINE)
    assert len({name for name, _ in found}) == len(found)
    return {name: [cell.strip() for cell in rest.split(" | ")] for name, rest in found}


def test_it_has_each_category_and_says_truly_which_are_tried_again():
    told = rows("Categories")
    assert told.keys() == set(ErrorCategory)
    for category in ErrorCategory:
        again = category.retryable or category is ErrorCategory.INTERNAL
        assert told[category][-1].startswith("yes" if again else "no"), category


def test_it_has_each_code_of_the_source_and_no_other():
    found = {code for tree in trees("spine_temporal") for code in codes(tree)}
    assert {"PARAMS_MISMATCH", "GATE_TIMEOUT", "WORKER_LOST", "TRANSACTION_ENDED", "MEMORY_LIMIT", "SQLSTATE"} <= found
    assert rows("Codes").keys() == found


def test_each_code_of_the_reference_domain_is_on_its_page():
    found = {code for room in ("activities", "workflows", "domains") for tree in trees(room) for code in codes(tree)}
    assert {"WEEK_MISMATCH", "SOURCE_EMPTY", "BAD_WEEK_ENDING", "GATE_INPUT_MISSING"} <= found
    assert found - given_words(FINRA) == set()


def test_the_category_of_a_code_is_one_that_there_is():
    assert {row[0] for row in rows("Codes").values()} - {"of the state"} <= set(ErrorCategory)


@pytest.mark.parametrize("category", sorted(set(_CATEGORIES.values())), ids=str)
def test_it_has_the_category_of_each_sqlstate(category):
    told = re.findall(r"^\| ([0-9A-Z, ]+) \| (\w+)", PAGE, re.MULTILINE)
    states = {state: name for listed, name in told for state in listed.split(", ")}
    expected = {state for state, its in _CATEGORIES.items() if its is category}
    assert {state for state, name in states.items() if name == category} == expected


def test_it_has_each_type_and_each_anomaly_that_a_run_writes():
    rooms = ("recording", "runtime", "translation", "operating")
    own = {name for room in rooms for name in constants(f"spine_temporal/{room}")}
    types, anomalies = rows("Types of Temporal's failures"), rows("Anomalies")
    assert anomalies.keys() == {*AnomalyCategory, *(own - types.keys())}
    assert types.keys() == {"HELD", "NOT_YET", "LIMITED", "NO_PLACE", "UNDELIVERED", "CANCELLED"} <= own
    assert list(anomalies)[:3] == ["WORKFLOW_FAILURE", "STEP_FAILURE", "GATE_HELD"]
    assert given_words(PAGE.split("`severity` is", 1)[1].split("\n\n", 1)[0]) == set(Severity)


def test_it_has_each_exit_code():
    part = PAGE.split("\n## Exit codes of commands\n", 1)[1]
    told = re.findall(rf"^\| (\d+) \| `({CODE})` \|", part, re.MULTILINE)
    assert told == [(str(int(code)), code.name) for code in ExitCode]

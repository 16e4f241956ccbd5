"""What an exception in the user's code is told as, and which code is the user's."""

import importlib
import importlib.util
import inspect
import json
import sys
import sysconfig

import pydantic
import pytest

import spine_temporal
from spine_temporal import ErrorCategory, SpineError, WorkflowContext
from spine_temporal.definition.faults import MAX_TRACEBACK_CHARACTERS, describe, fault_of
from spine_temporal.definition.user_code import is_raised_by_us, is_user_code, short_path, user_frames

HERE = "tests/unit/test_faults.py"


def raised(call, *arguments):
    try:
        call(*arguments)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at
        return error
    raise AssertionError("nothing was raised")


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    [number] = [number for number, line in enumerate(lines, first) if text in line]
    return number


def reads_nothing():
    return WorkflowContext(outputs={"work": {}}).get_output("work")["nope"]


def parses(text="{"):
    return json.loads(text)


def raises_again():
    try:
        parses()
    except ValueError as error:
        raise RuntimeError("the file\nis broken") from error


@pytest.mark.parametrize(
    ("file", "theirs"),
    [
        (__file__, True),
        ("/srv/service/workflows/weekly.py", True),
        ("<stdin>", True),
        (spine_temporal.__file__, False),
        (json.__file__, False),
        (pydantic.__file__, False),
        ("/usr/lib/python3/dist-packages/six.py", False),
        (f"{sysconfig.get_path('stdlib')}/importlib/__init__.py", False),
        ("<frozen importlib._bootstrap>", False),
        ("<attrs generated init weekly.Row>", False),
    ],
)
def test_code_is_the_users_that_is_neither_ours_nor_a_librarys(file, theirs):
    assert is_user_code(file) is theirs


def test_a_path_is_told_from_the_current_folder_else_from_where_python_imports_it(tmp_path, monkeypatch):
    package = tmp_path / "site" / "weekly"
    package.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "site")])
    monkeypatch.chdir("/")
    assert short_path(str(package / "gates.py")) == "weekly/gates.py"
    monkeypatch.chdir(tmp_path)
    assert short_path(str(package / "gates.py")) == "site/weekly/gates.py"
    assert short_path("/elsewhere/gates.py") == "/elsewhere/gates.py"


@pytest.mark.parametrize(
    ("call", "told", "line"),
    [
        (reads_nothing, "KeyError: 'nope'", "get_output"),
        (parses, "json.decoder.JSONDecodeError: Expecting", "json.loads"),
        (raises_again, "RuntimeError: the file (", "raise RuntimeError"),
    ],
)
def test_an_exception_is_told_in_a_line_with_the_users_innermost_place(call, told, line):
    text = describe(raised(call))
    assert text.startswith(told)
    assert text.endswith(f" ({HERE}:{line_of(call, line)} in {call.__name__})")


def test_where_no_code_is_the_users_the_place_is_the_innermost_of_all():
    error = raised(parses)
    while error.__traceback__.tb_next is not None:
        error.__traceback__ = error.__traceback__.tb_next
    assert describe(error).partition(" (char 1) (")[2].startswith("json/decoder.py:")
    assert fault_of(error).traceback.count("  File ") == 1
    assert describe(KeyError("never raised")) == "KeyError: 'never raised'"


def test_of_code_that_python_cannot_read_the_place_is_where_it_is_written(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "halfway.py").write_text("ROWS = 1\n\ndef gate(:\n")
    (tmp_path / "importing_it.py").write_text("import halfway\n")
    for module in ("halfway", "importing_it"):
        error = raised(importlib.import_module, module)
        assert describe(error) == "SyntaxError: invalid syntax (halfway.py:3)"
    assert "<frozen" not in describe(raised(importlib.import_module, "no_such_module_at_all"))


def test_a_note_or_a_text_that_cannot_be_made_hides_nothing():
    noted = ValueError("what went wrong")
    noted.add_note("and a note")
    assert describe(noted) == "ValueError: what went wrong"

    class SilentError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    assert describe(SilentError()).endswith("SilentError: <its text cannot be made>")


def test_a_traceback_has_the_users_frames_of_the_whole_chain_and_no_others():
    traceback = fault_of(raised(raises_again)).traceback
    assert [line.strip() for line in traceback.splitlines() if line.startswith("  File")] == [
        f'File "{HERE}", line {line_of(raises_again, "parses()")}, in raises_again',
        f'File "{HERE}", line {line_of(parses, "json.loads")}, in parses',
        f'File "{HERE}", line {line_of(raised, "call(*arguments)")}, in raised',
        f'File "{HERE}", line {line_of(raises_again, "raise RuntimeError")}, in raises_again',
    ]
    assert "direct cause of the following exception" in traceback
    assert traceback.endswith("RuntimeError: the file\nis broken")


def test_the_exceptions_of_a_group_are_told_too():
    group = raised(_group)
    assert "One of the exceptions that it holds:" in fault_of(group).traceback
    assert f"line {line_of(parses, 'json.loads')}, in parses" in fault_of(group).traceback


def _group():
    raise ExceptionGroup("two went wrong", [raised(parses), KeyError("x")])


def _deep(left):
    return parses() if left == 0 else _deep(left - 1)


def _secret():
    raise ValueError(f"{'x' * 30_000} password=hunter2", "token: abcdef")


def test_a_traceback_is_bounded_and_its_secrets_are_masked(tmp_path):
    for error in (raised(_deep, 500), raised(_secret)):
        assert len(fault_of(error).traceback) <= MAX_TRACEBACK_CHARACTERS
    module = tmp_path / "leaky.py"
    module.write_text("def go():\n    password = 'hunter2'; raise ValueError('token=abcdefgh')\n")
    spec = importlib.util.spec_from_file_location("leaky", module)
    leaky = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(leaky)
    traceback = fault_of(raised(leaky.go)).traceback
    assert "hunter2" not in traceback
    assert "abcdefgh" not in traceback
    assert "password = '***'" in traceback


def _on_purpose():
    raise SpineError("the file is cut off", ErrorCategory.DATA_QUALITY, code="TRUNCATED")


class Typed(pydantic.BaseModel):
    rows: int


def _through_us():
    WorkflowContext().output_as("work", Typed)


def test_an_error_on_purpose_keeps_its_words_and_one_of_ours_has_the_place_of_the_call():
    own = fault_of(raised(_on_purpose))
    assert str(own) == "TRUNCATED: the file is cut off"
    assert own.traceback.splitlines()[-1].endswith("SpineError: TRUNCATED: the file is cut off")
    ours = fault_of(raised(_through_us))
    assert ours.category is ErrorCategory.DATA_QUALITY
    assert str(ours).endswith(f"Field required ({HERE}:{line_of(_through_us, 'output_as')} in _through_us)")
    assert str(fault_of(ours)) == str(ours)
    assert fault_of(SpineError("never raised")).traceback is None


def test_frames_of_the_user_are_told_from_ours():
    error = raised(reads_nothing)
    assert is_raised_by_us(error.__traceback__)
    assert not is_raised_by_us(raised(parses).__traceback__)
    kept = user_frames(error.__traceback__)
    names = []
    while kept is not None:
        names.append(kept.tb_frame.f_code.co_name)
        kept = kept.tb_next
    assert names == ["raised", "reads_nothing"]

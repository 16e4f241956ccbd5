"""A param is read from text by the type that its model gives it, else as JSON or Python spell it."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from spine_temporal import ParamsError, Step, Workflow
from spine_temporal.cli.param_values import read_value, spelled
from spine_temporal.cli.params import read_changes, read_params
from spine_temporal.definition.params import resolve_params


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Inner(BaseModel):
    x: int


class Params(BaseModel):
    model_config = ConfigDict(extra="allow")

    flag: bool = False
    text: str = ""
    maybe_text: str | None = None
    number: int = 0
    maybe_number: int | None = None
    strict: Annotated[int, Strict()] = 0
    counted: Annotated[int, BeforeValidator(lambda value: len(value) if isinstance(value, str) else value)] = 0
    real: float = 0
    day: date | None = None
    price: Decimal = Decimal(0)
    numbers: list[int] = []
    texts: list[str] = []
    inner: Inner | None = None
    either: int | str = 0
    one_of: Literal[1, 2] = 1
    size: Size = Size.SMALL
    anything: Any = None
    named: bool = Field(default=False, alias="Named")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flag", "False", False), ("flag", "true", True), ("flag", "no", False), ("flag", "maybe", "maybe"),
        ("text", "2025", "2025"), ("text", "true", "true"), ("text", "null", "null"), ("text", "[1]", "[1]"),
        ("text", '"q"', '"q"'),
        ("maybe_text", "null", None), ("maybe_text", "None", "None"),
        ("number", "3", 3), ("number", "true", "true"), ("number", "x", "x"),
        ("maybe_number", "null", None), ("maybe_number", "None", None), ("maybe_number", "3", 3),
        ("strict", "3", 3),
        ("counted", "abc", 3),
        ("real", "3", 3.0),
        ("day", "2025-11-28", "2025-11-28"), ("day", "null", None),
        ("price", "1.50", "1.50"),
        ("numbers", "[1, 2]", [1, 2]), ("numbers", '["x"]', ["x"]), ("numbers", "1,2", "1,2"),
        ("texts", '["1"]', ["1"]),
        ("inner", '{"x": 1}', {"x": 1}), ("inner", '{"x": "q"}', {"x": "q"}), ("inner", "null", None),
        ("either", "3", "3"),
        ("one_of", "2", 2), ("one_of", "3", "3"),
        ("size", "2", 2),
        ("anything", "True", True), ("anything", "x", "x"),
        ("Named", "False", False),
        ("of_no_field", "3", 3),
    ],
)  # fmt: skip
def test_a_model_gives_the_type(name, text, value):
    read = read_value(text, Params, name)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("False", False), ("True", True), ("None", None), ("true", True), ("3", 3), ("null", None), ('"3"', "3"),
        ("2025-11-28", "2025-11-28"), ("NaN", "NaN"), ("0123", "0123"), ("", ""), ("[1", "[1"), ("x=y", "x=y"),
    ],
)  # fmt: skip
def test_without_a_model_it_is_json_or_python_or_text(text, value):
    read = read_value(text)
    assert (read, type(read)) == (value, type(value))


STEPS = [Step.choice("full", lambda ctx: ctx.params.get("full_refresh", False), "all"), Step.pipeline("all", "p")]
FREE = Workflow(name="free", steps=STEPS)


def test_full_refresh_false_is_not_true():
    params = resolve_params(FREE, read_params(FREE, ["full_refresh=False"], None))
    assert params == {"full_refresh": False}


def test_a_resume_reads_its_changes_as_a_start_does():
    typed = Workflow(name="typed", steps=STEPS, params_model=Params)
    changes = read_changes(["text=2025", "flag=False", "full.key=7"], {"typed": typed}, "typed/text=a/b")
    assert changes == {"text": "2025", "flag": False, "full.key": 7}
    assert read_changes(["text=2025"], {"typed": typed}, "an-id-of-somebody") == {"text": 2025}


def test_what_was_understood_is_one_line_with_secrets_masked():
    line = spelled(
        {"flag": False, "text": "2025", "none": None, "api_key": "s3cret", "source": {"password": "s3cret", "n": 1}}
    )
    assert line == 'flag=false, text="2025", none=null, api_key=***, source={"password": "***", "n": 1}'
    assert len(spelled({f"long{n}": "x" * 1000 for n in range(100)})) <= 301


@pytest.mark.parametrize("pair", ["tier", "=x", ""])
def test_a_pair_without_a_name_or_a_value_is_refused(pair):
    with pytest.raises(ParamsError, match="must be key=value"):
        read_params(FREE, [pair], None)

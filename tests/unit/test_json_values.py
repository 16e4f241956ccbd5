"""What can be carried is JSON that Postgres takes; what cannot is refused by the name of its key."""

import json
from datetime import date
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spine_temporal.definition.json_values import JsonValueError, to_json

HUGE = 10**5000
LOOP = []
LOOP.append(LOOP)


class Odd(StrEnum):
    """A string that is none."""

    A = "a\x00"


ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.decimals(), st.dates(),
        st.datetimes(), st.uuids(), st.just(LOOP), st.just(Odd.A), st.builds(lambda: HUGE),
        st.sampled_from([{1}, object]), st.text(alphabet=st.characters(codec=None), max_size=4),
    ),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner)
    | st.dictionaries(st.one_of(st.text(), st.integers()), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING)
def test_a_value_is_carried_as_it_can_be_read_again_or_refused_by_name(value):
    try:
        carried = to_json({"key": value}, "output")
    except JsonValueError as error:
        assert str(error).startswith(("output['key']", "a key of output['key']"))
        return
    text = json.dumps(carried, allow_nan=False)
    assert json.loads(text) == carried
    assert "\\u0000" not in text
    text.encode()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(HUGE, "is an integer of 16,610 bits", id="huge"),
        (LOOP, "nested deeper than 64 levels"),
        (float("inf"), "is inf, which JSON cannot hold"),
        ("a\x00", "holds a NUL character"),
        ("\ud800", "half a surrogate pair"),
        (b"bytes", "is a bytes, which is not JSON"),
        ({1: "x"}, "a key that is a int: keys must be strings"),
        pytest.param({HUGE: "x"}, "keys must be strings", id="huge key"),
        (Odd.A, "holds a NUL character"),
    ],
)
def test_what_cannot_be_carried_is_told(value, message):
    with pytest.raises(JsonValueError, match=message):
        to_json({"key": value}, "output")


def test_dates_and_decimals_are_carried_as_text():
    given_values = {"day": date(2025, 11, 28), "rate": Decimal("0.10"), "pair": (1, 2)}
    assert to_json(given_values, "output") == {"day": "2025-11-28", "rate": "0.10", "pair": [1, 2]}

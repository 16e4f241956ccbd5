"""A gate that changes what its module holds is found out, whatever it changes and however."""

import sys
from types import ModuleType

import pytest

from spine_temporal.translation.module_state import MOST, ModuleState, UnseenError

CODE = """
import logging
import re
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Flag
from functools import cache, cached_property, partial
from pathlib import Path
from types import SimpleNamespace

COUNT = 0
LIST, SET, DICT, DEQUE, COUNTER, BY = [1], {1}, {"a": {"b": [1]}}, deque([1]), Counter(), defaultdict(list)
log = logging.getLogger("state")

class Rule:
    least = 1
    known = []
    def __init__(self):
        self.asked = 0

@dataclass(slots=True)
class Slotted:
    x: int = 1

class Named(list):
    name = "one"

class Static:
    @staticmethod
    def grows(seen=[]):
        seen.append(1)

class Access(Flag):
    READ = 1
    WRITE = 2

class Weekly:
    @cached_property
    def days(self):
        return 7

SLOTTED, SPACE, NAMED, WEEKLY, PARTIAL = Slotted(), SimpleNamespace(x=1), Named(), Weekly(), partial(print, [1])
WHEN, HOW, PATTERN, WHERE = date(2025, 1, 1), Decimal("1.5"), re.compile("x"), Path("x")
__own__ = []

@cache
def squared(x):
    return x * x

RULE = Rule()
NAN = float("nan")

def counting():
    counted = 0
    def count():
        nonlocal counted
        counted += 1
        return counted
    return count

COUNTS = counting()

def default(seen=[]):
    seen.append(1)

def attribute():
    attribute.asked = True

def reads():
    return LIST[0] + len(SET) + DICT["a"]["b"][0] + Rule.least + RULE.asked
"""
CHANGES = {
    "COUNT": "COUNT += 1",
    "LIST": "LIST.append(2)",
    "SET": "SET.add(2)",
    "DICT": "DICT['a']['b'][0] = 2",
    "DEQUE": "DEQUE.popleft()",
    "COUNTER": "COUNTER['x'] += 1",
    "BY": "BY['x']",
    "Rule": "Rule.least = 2",
    "RULE": "RULE.asked += 1",
    "COUNTS": "COUNTS()",
    "default": "default()",
    "attribute": "attribute()",
    "NEW": "NEW = 1",
    "NAN": "NAN = 1.0",
    "SLOTTED": "SLOTTED.x = 2",
    "SPACE": "SPACE.x = 2",
    "PARTIAL": "PARTIAL.args[0].append(2)",
    "Static": "Static.grows()",
    "NAMED": "NAMED.name = 'other'",
    "__own__": "__own__.append(1)",
}


@pytest.fixture
def module():
    found = ModuleType("state_of")
    sys.modules["state_of"] = found
    exec(CODE, vars(found))
    yield found
    del sys.modules["state_of"]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_by_its_name(module, name):
    state = ModuleState({"state_of": module})
    exec(CHANGES[name], vars(module))
    assert state.change({"state_of": module}) == f"state_of.{name}"


def test_a_class_variable_that_grows_is_a_change_of_the_class(module):
    state = ModuleState({"state_of": module})
    module.Rule.known.append(1)
    assert state.change({"state_of": module}) == "state_of.Rule"


def test_a_name_that_is_gone_is_a_change(module):
    state = ModuleState({"state_of": module})
    del module.LIST
    assert state.change({"state_of": module}) == "state_of.LIST"


def test_what_reads_and_logs_changes_nothing(module):
    state = ModuleState({"state_of": module})
    module.reads()
    module.log.isEnabledFor(10)
    assert [module.Access.READ | module.Access.WRITE, module.WEEKLY.days, module.squared(3)]
    assert module.PATTERN.match("x")
    module.helper = ModuleType("state_of.helper")  # as an import within a gate leaves it
    exec("local = [*LIST]; local.append(1); del local", vars(module))
    assert state.change({"state_of": module}) == ""


def test_a_module_that_is_first_imported_later_is_known_from_then_on(module):
    state, late = ModuleState({"state_of": module}), ModuleType("late")
    late.SEEN = []
    assert state.change({"state_of": module, "late": late}) == ""
    late.SEEN.append(1)
    assert state.change({"state_of": module, "late": late}) == "late.SEEN"


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_told_as_well_after_asking_in_vain_and_after_what_is_equal_took_a_place(module, name):
    state = ModuleState({"state_of": module})
    module.EQUAL_TO_ITSELF = "ab"
    assert state.change({"state_of": module}) == "state_of.EQUAL_TO_ITSELF"
    module.EQUAL_TO_ITSELF = "".join(["a", "b"])
    assert [state.change({"state_of": module}) for _ in range(3)] == [""] * 3
    exec(CHANGES[name], vars(module))
    assert state.change({"state_of": module}) == f"state_of.{name}"


@pytest.mark.parametrize("empty", ["[]", "{}", "set()", "bytearray()", "Rule.__new__(Rule)"])
def test_what_was_empty_may_not_stay_so(module, empty):
    exec(f"EMPTY = {empty}", vars(module))
    state = ModuleState({"state_of": module})
    grow = {"[]": "append(1)", "{}": "setdefault(1)", "set()": "add(1)", "bytearray()": "append(1)"}
    exec(f"EMPTY.{grow.get(empty, '__init__()')}", vars(module))
    assert state.change({"state_of": module}) == "state_of.EMPTY"


def test_a_value_that_cannot_be_looked_at_any_more_says_so(module):
    exec("class Odd:\n    __slots__ = ('x',)\nODD = Odd()", vars(module))
    state = ModuleState({"state_of": module})
    module.Odd.x = property(lambda self: 1 / 0)
    with pytest.raises(UnseenError):
        state.change({"state_of": module})


def test_what_is_too_much_to_look_at_says_so(module):
    module.LIST.extend([i] for i in range(MOST))
    with pytest.raises(UnseenError):
        ModuleState({"state_of": module})


def test_what_holds_itself_comes_to_an_end(module):
    module.LIST.append(module.LIST)
    state = ModuleState({"state_of": module})
    assert state.change({"state_of": module}) == ""


@pytest.mark.parametrize(
    "hidden",
    ["itertools.count()", "iter([1])", "(x for x in [1])", "random.Random(1)", "weakref.WeakValueDictionary()"],
)
def test_what_may_change_unseen_is_not_shared(module, hidden):
    exec(f"import itertools, random, weakref\nHIDDEN = {hidden}", vars(module))
    with pytest.raises(UnseenError):
        ModuleState({"state_of": module})


def test_what_is_nested_too_deep_to_look_at_says_so(module):
    deep = []
    for _ in range(5000):
        deep = [deep]
    module.DEEP = deep
    with pytest.raises(UnseenError):
        ModuleState({"state_of": module})

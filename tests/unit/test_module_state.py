"""A gate that changes what its module holds is found out, whatever it changes and however."""

import sys
from types import ModuleType

import pytest

from spine_temporal.translation.module_state import MOST, ModuleState, TooMuchError

CODE = """
import logging
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from types import SimpleNamespace

COUNT = 0
LIST, SET, DICT, DEQUE, COUNTER, BY = [1], {1}, {"a": {"b": [1]}}, deque([1]), Counter(), defaultdict(list)
log = logging.getLogger("state")

class Rule:
    least = 1
    known = []
    def __init__(self):
        self.asked = 0

class Slots:
    pass

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
    exec("local = [*LIST]; local.append(1); del local", vars(module))
    assert state.change({"state_of": module}) == ""


def test_a_module_that_is_first_imported_later_is_known_from_then_on(module):
    state, late = ModuleState({"state_of": module}), ModuleType("late")
    late.SEEN = []
    assert state.change({"state_of": module, "late": late}) == ""
    late.SEEN.append(1)
    assert state.change({"state_of": module, "late": late}) == "late.SEEN"


def test_what_is_too_much_to_look_at_says_so(module):
    module.LIST.extend([i] for i in range(MOST))
    with pytest.raises(TooMuchError):
        ModuleState({"state_of": module})


def test_what_holds_itself_comes_to_an_end(module):
    module.LIST.append(module.LIST)
    state = ModuleState({"state_of": module})
    assert state.change({"state_of": module}) == ""

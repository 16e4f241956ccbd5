"""``--over``: partitions by the values of params, read as ``-p`` reads them; calendars by where they are."""

import importlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from spine_temporal.cli.param_values import read_value
from spine_temporal.definition.calendar import Calendar
from spine_temporal.definition.errors import ParamsError
from spine_temporal.definition.over import Over, read_over
from spine_temporal.definition.workflow import Workflow


def over_of_texts(workflow: Workflow, texts: Iterable[str]) -> Over:
    """Return what the texts of ``--over`` mean for the workflow; raise ``ParamsError`` for what they cannot mean."""
    texts = list(texts)
    over = read_over(texts, _calendars(texts))
    model = workflow.params_model
    return Over(
        tuple(
            replace(axis, values=tuple(read_value(value, model, axis.name) for value in axis.values))
            for axis in over.axes
        )
    )


def _calendars(texts: Iterable[str]) -> dict[str, Calendar]:
    """Return the calendars that the steps of ranges name, as MODULE:NAME."""
    steps = [text.partition("..")[2].partition(":")[2] for text in texts]
    return {step: _calendar(step) for step in steps if ":" in step}


def _calendar(place: str) -> Calendar:
    module, _, name = place.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ParamsError(f"--over: calendar {place[:100]!r} cannot be loaded: {error}") from None
    if not callable(getattr(found, "is_day", None)):
        raise ParamsError(f"--over: {place[:100]!r} is no calendar: it must have a method is_day(day)")
    calendar: Calendar = found
    return calendar

"""What a picture says of a step, of how it went, of times and amounts: one place for every format."""

import re
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from spine_temporal.definition.policies import ErrorPolicy
from spine_temporal.definition.redaction import redacted
from spine_temporal.definition.run_result import StepStatus
from spine_temporal.drawing.run_record import Check, RunRecord, StepRecord
from spine_temporal.machine.plan import (
    AnyPlanned,
    PlannedChoice,
    PlannedGate,
    PlannedMap,
    PlannedParallel,
    PlannedPipeline,
    PlannedWait,
    PlannedWaitFor,
    PlannedWorkflow,
)

#: What neither a terminal may obey nor XML may hold.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")
#: What is not broken between two lines.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
_KINDS = {"lambda": "gate", "wait_for": "wait for", "workflow": "sub-workflow"}
#: Characters of an error in a picture; `why` and `result` have all of it.
_LONGEST_ERROR = 160
#: Stands for a space that is no place to wrap at.
NO_BREAK = "\u00a0"
#: Steps that take no time, and how many seconds they may take for it to be told.
_MOMENTS = {"lambda", "choice"}
_LEAST = 0.05
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
#: How a step is told that a run has not reached.
NOT_REACHED = "NOT REACHED"


def plain(text: Any) -> str:
    """Return data as one line of text."""
    return _CONTROL.sub(" ", str(text))


def masked(name: str, value: Any) -> Any:
    """Return a value of a definition as it may be shown: without passwords, tokens and keys."""
    if isinstance(value, str):
        shown = redacted(f"{name}={value}").partition("=")
        return shown[2] if shown[0] == name else redacted(value)
    if isinstance(value, list | tuple):
        return [masked(name, item) for item in value]
    return value


def cells(text: str) -> int:
    """Return how many columns text takes on a terminal."""
    wide = sum(unicodedata.east_asian_width(letter) in {"W", "F"} for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def kind_of(step: AnyPlanned) -> str:
    """Return what kind of step it is, as people call it."""
    return _KINDS.get(step.kind, step.kind)


def details_of(step: AnyPlanned) -> list[str]:
    """Return what there is to know of a step beside its name and kind, line by line."""
    lines = _own_details(step)
    if step.on_error is not ErrorPolicy.STOP:
        lines.append(f"on error: {step.on_error.value.lower()}")
    return [plain(line) for line in lines if line]


def _own_details(step: AnyPlanned) -> list[str]:  # noqa: PLR0911 - one for each kind
    match step:
        case PlannedPipeline():
            return [step.pipeline, *(["local"] if step.local else [])]
        case PlannedGate():
            return [", ".join(f"{key}{NO_BREAK}{_amount(masked(key, value))}" for key, value in step.config.items())]
        case PlannedChoice():
            return []
        case PlannedWait():
            return [f"until {step.until:%Y-%m-%d %H:%M} UTC" if step.until else seconds(step.seconds or 0)]
        case PlannedWaitFor():
            return [step.workflow, f"to be {step.reached}, for up to {seconds(step.timeout)}"]
        case PlannedMap():
            return [step.workflow, f"for each {_items(step)}, {step.max_concurrency} at once"]
        case PlannedWorkflow():
            return [step.workflow]
        case PlannedParallel():
            return [f"{step.max_concurrency} at once"] if step.max_concurrency else []
    assert_never(step)


def _items(step: PlannedMap) -> str:
    if step.items is not None:
        return f"of {len(step.items):,} items"
    return f"of {step.path}" if step.path else "of its items"


def frame_title(step: AnyPlanned) -> str:
    """Return what stands above a step that is drawn with others inside."""
    return f"{plain(step.name)}, {kind_of(step)}"


def status_of(record: StepRecord | None) -> str:
    """Return how a step stands, in capitals."""
    if record is None:
        return NOT_REACHED
    if record.execution.kept_from and record.execution.status is StepStatus.COMPLETED:
        return "KEPT"
    return record.execution.status.value


def story_of(record: StepRecord | None, run: RunRecord, *, with_status: bool = False) -> list[str]:
    """Return how a step went, line by line: time, rows, attempts, checks, errors, decisions."""
    status = [status_of(record)] if with_status else []
    if record is None:
        return status
    lines = [", ".join([*status, *figures_of(record, run)]), *(_check(check) for check in record.checks)]
    step = record.execution
    if step.error:
        error = f"{step.error} ({step.error_category})" if step.error_category else step.error
        lines.append(shortened(error, _LONGEST_ERROR))
    lines += [f"routed to {step.next_step}"] if step.next_step else []
    lines += [f"left out: {step.reason}"] if step.reason else []
    lines += [str(step.decision)] if step.decision else []
    return [plain(line) for line in lines if line]


def figures_of(record: StepRecord, run: RunRecord) -> list[str]:
    """Return a step's seconds, rows, attempts and items."""
    step = record.execution
    taken = taken_by(record, run)
    told = [seconds(taken)] if taken is not None and (taken >= _LEAST or step.step_type not in _MOMENTS) else []
    told += [f"{record.rows:,} row{'' if record.rows == 1 else 's'}"] if record.rows is not None else []
    told += [f"attempt {step.attempt}"] if step.attempt > 1 else []
    told += [f"{record.lost} lost"] if record.lost else []
    told += [f"{step.items.completed:,} of {step.items.total:,} items"] if step.items else []
    told += [f"{step.items.failed:,} failed"] if step.items and step.items.failed else []
    return told


def taken_by(record: StepRecord, run: RunRecord) -> float | None:
    """Return how many seconds a step took, or has taken by now."""
    step = record.execution
    if step.duration_seconds is None and step.started_at and step.status in {StepStatus.RUNNING, StepStatus.HELD}:
        return max(0.0, (run.drawn_at - step.started_at).total_seconds())
    return step.duration_seconds


def head_of(run: RunRecord) -> str:
    """Return how a run stands, since when, and how long it took, or that it is open."""
    took = seconds(max(0.0, (run.ends - run.started_at).total_seconds()))
    since, now = _moment(run.started_at), _moment(run.drawn_at)
    if run.is_open:
        return f"{run.status}, open for {took}: began {since}, drawn until now, {now}"
    return f"{run.status}, took {took}: began {since}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _check(check: Check) -> str:
    value = "no number" if check.value is None else number(check.value)
    against = "" if check.threshold is None else f", threshold {number(check.threshold)}"
    passed = {True: ": passed", False: ": not passed", None: ""}[check.passed]
    return f"{check.name} {value}{against}{passed}"


def number(value: float) -> str:
    """Return a number as people read it."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}"


def seconds(value: float) -> str:
    """Return a length of time in the units that suit it."""
    if value < _MINUTE:
        return f"{value:.2f} s" if value < 10 and value != int(value) else f"{value:.0f} s"
    whole = round(value)
    if whole < _HOUR:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    if whole < _DAY:
        return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")
    return _two(whole // _DAY, "d", whole % _DAY // _HOUR, "h")


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large} {unit} {small} {smaller}" if small else f"{large} {unit}"


def shortened(text: str, longest: int) -> str:
    """Return text of at most so many characters, with a sign where some is left out at its end."""
    text = plain(text)
    return text if len(text) <= longest else f"{text[: max(longest - 1, 0)].rstrip()}…"


def wrapped(lines: Sequence[str], width: int) -> list[str]:
    """Return lines wrapped between words; a dotted name that is too long loses its beginning."""
    given = [part for line in lines for part in textwrap.wrap(line, width, break_long_words=False) or [""]]
    short = [line if len(line) <= width else f"…{line[1 - width :]}" for line in given]
    return [line.replace(NO_BREAK, " ") for line in short]


def folded(text: str, width: int | None) -> list[str]:
    """Return text as lines between words; words stay whole, to be copied."""
    if width is None:
        return [text.replace(NO_BREAK, " ")]
    lines = textwrap.wrap(
        _MOMENT.sub(lambda found: found[0].replace(" ", NO_BREAK), plain(text)),
        width,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
    return [line.replace(NO_BREAK, " ") for line in lines]


def _amount(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, Mapping | list | tuple):
        return f"({len(value)})"
    return str(value)

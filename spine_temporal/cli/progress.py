"""What is shown of a run's steps while it runs: lines that stay, and on a terminal what runs now, below them."""

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from spine_temporal.cli.layout import paragraph, plain, width_of
from spine_temporal.client.attempts import Attempt
from spine_temporal.definition.run_result import StepExecution, StepStatus, WorkflowResult

_COLOURS = {
    StepStatus.COMPLETED: "green",
    StepStatus.FAILED: "red",
    StepStatus.SKIPPED: "dim",
    StepStatus.RUNNING: "yellow",
    StepStatus.CANCELLED: "magenta",
    StepStatus.HELD: "magenta",
}
#: Columns of a step's status and of its name; a longer name moves what follows.
_STATUS, _NAME = 9, 20
#: Seconds after which a step that still runs is told of again, where lines stay.
_STILL = 30.0


class Progress:
    """Shows a run's steps on stderr, so that stdout holds the result alone."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        live = self._console.is_terminal and not self._console.is_dumb_terminal
        self._live = Live(console=self._console, transient=True, refresh_per_second=4) if live else None
        self._shown: dict[str, tuple[StepStatus, str, str | None]] = {}
        self._told_at = time.monotonic()

    def __enter__(self) -> "Progress":
        self._open.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    @property
    def _open(self) -> AbstractContextManager[object]:
        return self._live or nullcontext()

    @property
    def _width(self) -> int | None:
        return self._console.width if self._console.is_terminal else width_of(self._console.file)

    def say(self, text: str, *, style: str = "") -> None:
        """Print a line that stays."""
        self._print(Text(paragraph(text, self._width), style))

    def show(self, progress: WorkflowResult, attempts: Mapping[str, Attempt]) -> None:
        """Print what is new of the steps; what only goes on is shown below, or from time to time."""
        steps = [
            (step, step_text(step, rows_of(progress, step), attempts.get(step.step_name), self._width))
            for step in progress.step_executions
        ]
        if self._live is not None:
            self._live.update(Text("\n").join(line for step, line in steps if step.status is StepStatus.RUNNING))
        still = time.monotonic() - self._told_at > _STILL
        for step, line in steps:
            if self._is_new(step, attempts.get(step.step_name)) or (still and step.status is StepStatus.RUNNING):
                self._told_at = time.monotonic()
                self._print(line)

    def _is_new(self, step: StepExecution, attempt: Attempt | None) -> bool:
        which = attempt.which if attempt and step.status is StepStatus.RUNNING else ""
        before = self._shown.get(step.step_name)
        # A run that was reset tells a little later which of its steps are kept.
        self._shown[step.step_name] = (step.status, which or (before[1] if before else ""), step.kept_from)
        if self._live is not None and step.status is StepStatus.RUNNING:
            return False
        if before is None or (before[0], before[2]) != (step.status, step.kept_from):
            return True
        return bool(which and which != before[1])

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def rows_of(progress: WorkflowResult, step: StepExecution) -> int | None:
    """Return the rows that a step has told in its output."""
    output = progress.outputs.get(step.step_name)
    rows = output.get("row_count") if isinstance(output, Mapping) else None
    return rows if isinstance(rows, int) else None


def step_text(step: StepExecution, rows: int | None, attempt: Attempt | None, width: int | None) -> Text:
    """Return a step as a line: status, name, seconds, rows and whatever else there is to say of it."""
    head = f"{step.status.value:<{_STATUS}}  {plain(step.step_name):<{_NAME}}  {_seconds(step):>10}"
    told = ", ".join(_told(step, rows, attempt if step.status is StepStatus.RUNNING else None))
    indent = " " * (_STATUS + 2)
    lines = [paragraph(f"{head}  {told}" if told else head, width, hanging=indent)]
    lines += [paragraph(why, width, indent=indent) for why in _why(step, attempt)]
    text = Text("\n".join(line.rstrip() for line in lines))
    text.stylize(_COLOURS[step.status], 0, len(step.status.value))
    return text


def _seconds(step: StepExecution) -> str:
    seconds = step.duration_seconds
    if seconds is None and step.status in {StepStatus.RUNNING, StepStatus.HELD} and step.started_at is not None:
        seconds = max(0.0, (datetime.now(UTC) - step.started_at).total_seconds())
    return "" if seconds is None else f"{seconds:,.2f} s"


def _told(step: StepExecution, rows: int | None, attempt: Attempt | None) -> Iterable[str]:
    if rows is not None:
        yield f"{rows:,} row{'' if rows == 1 else 's'}"
    if attempt is not None:
        if attempt.amount is not None and attempt.amount[0]:
            count, unit = attempt.amount
            yield f"{count:,} {plain(unit)}"
        if attempt.per_second:
            yield f"{attempt.per_second:,.0f}/s"
        if attempt.which:
            yield attempt.which
    if step.items:
        yield f"{step.items.completed:,} of {step.items.total:,} items"
    if step.kept_from:
        yield "kept"


def _why(step: StepExecution, attempt: Attempt | None) -> Iterable[str]:
    if step.error:
        yield f"{step.error} ({step.error_category})" if step.error_category else step.error
    if step.status is StepStatus.RUNNING and attempt is not None and attempt.error:
        wait = (attempt.next_at - datetime.now(UTC)).total_seconds() if attempt.next_at else 0
        again = f"again in {wait:.0f} s, after" if wait > 0 else "after"
        yield f"{again}: {attempt.error}"
    if step.reason:
        yield f"left out: {step.reason}"
    if step.decision:
        yield str(step.decision)

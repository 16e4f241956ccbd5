"""What a run tells of itself while it goes: to the Web UI as its current details, to a query as data."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from temporalio import workflow as temporal

from spine_temporal.machine.state import State
from spine_temporal.machine.step_outcome import Completed, Failed, StepOutcome
from spine_temporal.translation.details import current_details
from spine_temporal.translation.waiting import Obstacle, Waiting, waiting_of


class ShownDetails:
    """Keeps the details of one Temporal run up to date."""

    def __init__(self) -> None:
        #: None: the run has not begun.
        self._state: State | None = None
        self._obstacles: list[Obstacle] = []
        #: What gates have measured, by step.
        self.qualities: dict[str, Mapping[str, Any]] = {}

    @property
    def waiting(self) -> Waiting:
        """What the run waits for now."""
        return waiting_of(self._state, tuple(self._obstacles))

    def measured(self, outcome: StepOutcome) -> None:
        """Keep what a gate has measured, to be shown with the next state."""
        if isinstance(outcome, Completed | Failed) and outcome.quality is not None:
            self.qualities[outcome.step] = outcome.quality

    def reached(self, state: State) -> None:
        """Show a new state."""
        self._state = state
        self._show()

    @contextmanager
    def during(self, obstacle: Obstacle) -> Iterator[None]:
        """Show in the block what keeps the run from going on."""
        self._obstacles.append(obstacle)
        self._show()
        try:
            yield
        except GeneratorExit:
            raise  # the instance is gone: its code is closed wherever that is noticed, maybe within another run
        except BaseException:
            self._passed(obstacle)
            raise
        self._passed(obstacle)

    def _passed(self, obstacle: Obstacle) -> None:
        self._obstacles.remove(obstacle)
        self._show()

    def _show(self) -> None:
        temporal.set_current_details(current_details(self._state, tuple(self._obstacles), self.qualities))

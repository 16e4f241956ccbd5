"""A stretch: pipelines one behind another, with the gates between them, that one local activity does. Pure.

What comes next follows from the plan and from what has been answered, so the machine is asked where the answers are.
The run then takes the same events in, one after the other, as its history holds them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from spine_temporal.machine.door import Door, door_ahead
from spine_temporal.machine.machine import advance
from spine_temporal.machine.plan import PlannedPipeline
from spine_temporal.machine.state import Do, State, StepEnded
from spine_temporal.machine.step_outcome import Failed
from spine_temporal.translation import requests
from spine_temporal.translation.gate_messages import DoorVerdicts
from spine_temporal.translation.pipeline_messages import PipelineRequest, StepDone
from spine_temporal.translation.riding import Ask, Riding, Unwritten, ask_door
from spine_temporal.translation.step_messages import Link, StretchRequest


def goes_along(state: State, step: str) -> Door | None:
    """Return the pipeline of a step or right behind a gate, with its door, where it runs within the workflow task."""
    door = door_ahead(state, step)
    return door if door is not None and is_within_task(door.pipeline) else None


def is_within_task(pipeline: PlannedPipeline) -> bool:
    """Whether a pipeline's first attempt is made within the workflow task, where nothing runs beside it."""
    return pipeline.local or pipeline.brief


def ahead(state: State, step: str) -> tuple[PlannedPipeline, ...]:
    """Return the pipelines that go along from a step on, if every gate lets the run pass."""
    steps, found = state.plan.steps, list[PlannedPipeline]()
    door = goes_along(state, step)
    while door is not None:
        found.append(door.pipeline)
        following = door.pipeline.following
        door = goes_along(state, steps[following].name) if following < len(steps) else None
    return tuple(found)


class Stretch:
    """How far a stretch has come, and what its next pipeline is asked."""

    def __init__(self, request: StretchRequest) -> None:
        self._begun, self._key, self._sub_runs = request.begun, request.key, request.sub_runs
        self._state = State(
            plan=request.begun.plan,
            run=requests.run_of(request.begun),
            executions={execution.step_name: execution for execution in request.executions},
            outputs=request.outputs,
            rounds=request.rounds,
        )
        self._unwritten = Unwritten(request.stages, request.measured)
        self._acknowledged = request.acknowledged
        self._may_repeat = request.task_may_repeat
        self._step: str | None = request.step
        self.links: list[Link] = []

    @property
    def door(self) -> Door | None:
        """The pipeline that comes next, with its gates; None where the stretch is at its end."""
        return None if self._step is None else goes_along(self._state, self._step)

    def riding(self, door: Door, at: datetime, ask: Ask) -> Riding:
        """Ask the gates."""
        return ask_door(door, self._state, self._begun, at, ask)

    def request(self, door: Door, riding: Riding, at: datetime) -> PipelineRequest:
        """Return what the pipeline is asked; with it goes what no transaction has written yet."""
        step, begun = door.pipeline, self._begun
        round_ = self._state.rounds.get(step.name, 0)
        unwritten = self._unwritten.with_(riding.unwritten)
        told: Mapping[str, Any] = {
            **vars(unwritten),
            "acknowledged": self._acknowledged,
            "sub_runs": self._sub_runs,
            "is_brief": step.brief,
            "task_may_repeat": self._may_repeat,
            "door": _told(riding),
            "ending": requests.ending_of(begun, riding.state, step, at),
        }
        request = requests.pipeline_request(step, begun, self._key, step.params, round_=round_)
        return request.model_copy(update={name: value for name, value in told.items() if value})

    def ended(self, riding: Riding, at: datetime, outcome: StepDone | Failed) -> None:
        """Go on behind the pipeline; one that has failed ends the stretch."""
        is_end = isinstance(outcome, StepDone) and outcome.is_end
        ended_at = (is_end and outcome.completed_at) or datetime.now(UTC)
        ended = (
            {"failed": outcome} if isinstance(outcome, Failed) else {"done": outcome.model_copy(update={"door": None})}
        )
        link = Link(door=_told(riding), asked_at=at, ended_at=ended_at, **ended)
        self.links.append(link)
        self._step = None
        if isinstance(outcome, Failed):
            return
        self._unwritten.add(**vars(riding.unwritten))
        if link.is_written:
            self._unwritten.taken()
            self._acknowledged += 1
        self._key = self._key.with_epoch(outcome.epoch)
        self._may_repeat = self._may_repeat and outcome.is_found
        self._state, commands = advance(riding.state, StepEnded(outcome=outcome, at=ended_at))
        for command in commands:
            if isinstance(command, Do):
                self._step = command.step.name


def _told(riding: Riding) -> DoorVerdicts | None:
    return riding.door if riding.door.verdicts else None

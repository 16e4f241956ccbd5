"""Replays histories with the workflows of the code at hand, one after the other."""

import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import Replayer, WorkflowReplayResult

from spine_temporal.operating.registration import operating_types
from spine_temporal.replaying.asked import in_commands, in_history
from spine_temporal.replaying.divergence import Divergence, divergence_of
from spine_temporal.replaying.histories import History
from spine_temporal.replaying.recorder import Recorder
from spine_temporal.replaying.replayers import replayer_of_operating, replayer_of_runs
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.translation.messages import MAP

#: The sentence within what the SDK's core prints of a failure.
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What the replay of one history came to."""

    history: History
    #: None: the code leads to this history.
    divergence: Divergence | None = None
    #: Why it was not replayed; empty where it was.
    skipped: str = ""
    #: Whether the run is lost to the code: it has no workflow of that name.
    is_unknown: bool = False

    @property
    def failed(self) -> bool:
        """Whether the code cannot go on with this run."""
        return self.divergence is not None or self.is_unknown

    @property
    def problem(self) -> str:
        """Why the code cannot go on with it; empty where it can."""
        if self.is_unknown:
            return f"the code has no workflow {self.history.workflow!r}, so open runs of it wait"
        return str(self.divergence or "")


async def replay_all(
    histories: AsyncIterator[History] | Iterable[History],
    definitions: Definitions,
    data_converter: DataConverter | None = None,
) -> list[Replayed]:
    """Replay histories; ``data_converter`` is that of the workers, where it is not the plugin's own.

    Those of the product's own workflows, as of a backfill, are replayed too, after the others. A history of another
    workflow that the definitions lack fails where its run is open, or comes from a file; it is skipped where it has
    ended, or is no Spine run, and so is that of a run that has not begun.
    """
    left: list[History] = []
    operating: list[History] = []

    async def of_services() -> AsyncIterator[History]:
        async for history in _each(histories):
            if not history.has_begun:
                left.append(history)
            elif history.workflow in definitions.workflows or history.workflow == MAP:
                yield history
            elif history.workflow in operating_types():
                operating.append(history)
            else:
                left.append(history)

    of_runs = await _replay(of_services(), partial(replayer_of_runs, definitions, data_converter))
    of_product = await _replay(_each(operating), partial(replayer_of_operating, data_converter))
    return [*map(_left, left), *of_runs, *of_product]


async def _replay(
    histories: AsyncIterator[History], replayer_with: Callable[[SimplePlugin], Replayer]
) -> list[Replayed]:
    given: list[History] = []
    recorder = Recorder()

    async def events() -> AsyncIterator[WorkflowHistory]:
        async for history in histories:
            given.append(history)
            yield history.events

    replayer = replayer_with(SimplePlugin("spine_temporal.replaying", workflow_runner=recorder.listening))
    async with replayer.workflow_replay_iterator(events()) as results:
        return [_replayed(given[-1], result, recorder) async for result in results]


async def _each(histories: AsyncIterator[History] | Iterable[History]) -> AsyncIterator[History]:
    if isinstance(histories, AsyncIterator):
        async for history in histories:
            yield history
    else:
        for history in histories:
            yield history


def _left(history: History) -> Replayed:
    if not history.has_begun:
        return Replayed(history=history, skipped="the run has not begun")
    if not history.is_ours:
        return Replayed(history=history, skipped=f"{history.workflow!r} is no Spine workflow")
    if history.is_open or history.is_file:
        return Replayed(history=history, is_unknown=True)
    return Replayed(history=history, skipped=f"the code has no workflow {history.workflow!r}, and the run has ended")


def _replayed(history: History, result: WorkflowReplayResult, recorder: Recorder) -> Replayed:
    commands, raised = recorder.taken()
    if result.replay_failure is None:
        return Replayed(history=history)
    reason = raised or _sentence(str(result.replay_failure))
    recorded, asked = in_history(history.events.events), in_commands(commands)
    return Replayed(history=history, divergence=divergence_of(recorded, asked, reason))


def _sentence(failure: str) -> str:
    found = _MESSAGE.search(failure)
    return found[1] if found else failure

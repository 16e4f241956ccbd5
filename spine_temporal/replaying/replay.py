"""Replays histories with the workflows of the code at hand, one after the other."""

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import Replayer, WorkflowReplayResult

from spine_temporal.replaying.asked import in_commands, in_history
from spine_temporal.replaying.divergence import Divergence, divergence_of
from spine_temporal.replaying.histories import History
from spine_temporal.replaying.recorder import Recorder
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.plugin import SpinePlugin
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

    A history of a workflow that the definitions lack fails where its run is open, or comes from a file; it is skipped
    where it has ended, or is no Spine run.
    """
    replayed: list[Replayed] = []
    known: list[History] = []

    async def to_replay() -> AsyncIterator[WorkflowHistory]:
        async for history in _each(histories):
            if history.workflow in definitions.workflows or history.workflow == MAP:
                known.append(history)
                yield history.events
            else:
                replayed.append(_unknown(history))

    recorder = Recorder()
    async with _replaying(to_replay(), definitions, recorder, data_converter) as results:
        replayed += [_replayed(known[-1], result, recorder) async for result in results]
    return replayed


@asynccontextmanager
async def _replaying(
    histories: AsyncIterator[WorkflowHistory],
    definitions: Definitions,
    recorder: Recorder,
    data_converter: DataConverter | None,
) -> AsyncIterator[AsyncIterator[WorkflowReplayResult]]:
    listening = SimplePlugin("spine_temporal.replaying", workflow_runner=recorder.listening)
    replayer = Replayer(
        workflows=[],
        plugins=[SpinePlugin(definitions=definitions, in_process=True), listening],
        data_converter=data_converter or DataConverter.default,
    )
    async with replayer.workflow_replay_iterator(histories) as results:
        yield results


async def _each(histories: AsyncIterator[History] | Iterable[History]) -> AsyncIterator[History]:
    if isinstance(histories, AsyncIterator):
        async for history in histories:
            yield history
    else:
        for history in histories:
            yield history


def _unknown(history: History) -> Replayed:
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

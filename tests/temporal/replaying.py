"""Replay a history with the definition of its own workflow: a Replayer loads every workflow that it is given."""

from spine_temporal.replaying.histories import History
from spine_temporal.replaying.replay import replay_all
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal import jobs, vocabulary
from tests.temporal.approved import APPROVED

WORKFLOWS = {workflow.name: workflow for workflow in (*jobs.ALL, *vocabulary.ALL, APPROVED)}


async def replay(history):
    """Fail where the code as it is now would not have made this history."""
    read = History(name=history.workflow_id, events=history)
    (replayed,) = await replay_all([read], definitions_of([WORKFLOWS[read.workflow]]))
    assert not replayed.failed, str(replayed.divergence)

"""Replay a history with the definition of its own workflow: a Replayer loads every workflow that it is given."""

from temporalio.worker import Replayer

from spine_temporal import SpinePlugin
from spine_temporal.operating.registration import operating_workflows
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


async def replay_operating(history, queue):
    """Fail where the product's own workflows as they are now would not have made this history.

    A service's worker has them on two task queues: that of what lasts, as ``spine-temporal replay`` has them, and its
    own, with the plugin.
    """
    if queue == "operating":
        (replayed,) = await replay_all([History(name=history.workflow_id, events=history)], definitions_of([]))
        assert (replayed.skipped, replayed.problem) == ("", "")
    else:
        replayer = Replayer(workflows=operating_workflows(), plugins=[SpinePlugin(in_process=True)])
        await replayer.replay_workflow(history)

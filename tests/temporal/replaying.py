"""Replay a history with the definition of its own workflow: a Replayer loads every workflow that it is given."""

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from spine_temporal import SpinePlugin
from spine_temporal.operating.registration import operating_workflows
from spine_temporal.replaying.histories import History
from spine_temporal.replaying.replay import replay_all
from spine_temporal.runtime.definitions import definitions_of
from spine_temporal.translation.snapshot import PASSED_THROUGH
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

    A service's worker has them on two task queues: its own, with the plugin, and that of what lasts, without it.
    """
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    options = {
        "own": {"plugins": [SpinePlugin(in_process=True)]},
        "operating": {"workflow_runner": SandboxedWorkflowRunner(restrictions=restrictions)},
    }
    replayer = Replayer(workflows=operating_workflows(), data_converter=pydantic_data_converter, **options[queue])
    await replayer.replay_workflow(history)

"""Replay a history with the definition of its own workflow: a Replayer loads every workflow that it is given."""

from temporalio.worker import Replayer

from spine_temporal import SpinePlugin
from spine_temporal.runtime.definitions import definitions_of
from tests.temporal import jobs, vocabulary

WORKFLOWS = {workflow.name: workflow for workflow in (*jobs.ALL, *vocabulary.ALL)}


async def replay(history):
    """Raise where the code as it is now would not have made this history."""
    name = history.events[0].workflow_execution_started_event_attributes.workflow_type.name
    replayer = Replayer(workflows=[], plugins=[SpinePlugin(definitions=definitions_of([WORKFLOWS[name]]))])
    await replayer.replay_workflow(history)

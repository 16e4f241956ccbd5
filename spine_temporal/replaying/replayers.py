"""Temporal's Replayers, with what a worker has on its task queues; ``listening`` hears what the code asks for."""

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.worker import Plugin, Replayer

from spine_temporal.operating.registration import operating_workflows
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.runtime.plugin import SpinePlugin
from spine_temporal.translation.runner import operating_runner


def replayer_of_runs(definitions: Definitions, data_converter: DataConverter | None, listening: Plugin) -> Replayer:
    """Return one for runs of the definitions; without a converter, it has the plugin's own."""
    return Replayer(
        workflows=[],
        plugins=[SpinePlugin(definitions=definitions, in_process=True), listening],
        data_converter=data_converter or DataConverter.default,
    )


def replayer_of_operating(data_converter: DataConverter | None, listening: Plugin) -> Replayer:
    """Return one for the product's own workflows, as the task queue of what lasts has them: without the plugin."""
    return Replayer(
        workflows=operating_workflows(),
        workflow_runner=operating_runner(),
        plugins=[listening],
        data_converter=data_converter or pydantic_data_converter,
    )

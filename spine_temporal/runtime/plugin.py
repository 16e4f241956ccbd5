"""``SpinePlugin``: what makes any Temporal Client, Worker and Replayer run Spine workflows."""

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultPayloadConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkerConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from spine_temporal.definition.errors import DefinitionError
from spine_temporal.definition.workflow import Workflow
from spine_temporal.recording.database import Database
from spine_temporal.recording.payloads import SafeStorage, external_storage
from spine_temporal.runtime.beginning import Beginnings
from spine_temporal.runtime.claims import Claims
from spine_temporal.runtime.definitions import Definitions, definitions_of
from spine_temporal.runtime.holders import Standings
from spine_temporal.runtime.pipeline_activity import pipeline_activity
from spine_temporal.runtime.resets import Resets
from spine_temporal.runtime.run_activities import RunActivities
from spine_temporal.translation.failures import failure_converter_of
from spine_temporal.translation.maps import MapBatch
from spine_temporal.translation.payloads import SpinePayloadConverter
from spine_temporal.translation.runner import SpineWorkflowRunner
from spine_temporal.translation.translate import translate

#: Passed through the sandbox: pure, and loaded for every workflow instance otherwise. Never a module with gates.
PASSED_THROUGH = ("spine_temporal",)


class SpinePlugin(SimplePlugin):
    """Adds Spine workflows to Temporal.

    On a Client it sets the data converter; on a Worker it adds the workflows, their pipelines' activities and the
    run's own, which need ``database``; on a Replayer it adds the workflows. ``definitions`` (of
    ``load_definitions``) or ``workflows`` say which. ``search_attributes`` is asked at each begin of a run whether
    the namespace has ours (``NamespaceAttributes(client).known``); without it, runs set none.
    """

    def __init__(
        self,
        *,
        workflows: Sequence[Workflow] = (),
        definitions: Definitions | None = None,
        database: Database | None = None,
        search_attributes: Callable[[], Awaitable[bool]] | None = None,
        passed_through: Sequence[str] = (),
    ) -> None:
        self._definitions = definitions or definitions_of(workflows)
        self._database = database
        self._search_attributes = search_attributes
        self._passed_through = (*PASSED_THROUGH, *passed_through)
        super().__init__(
            "spine_temporal",
            data_converter=self._converter,
            workflows=[MapBatch, *(translate(*found) for found in self._definitions.workflows.values())],
            workflow_runner=self._runner,
        )

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Add workflows, activities and the sandbox's passthrough to a Worker."""
        config = super().configure_worker(config)
        config["client"] = self._storing(config["client"])
        config["activities"] = [*(config.get("activities") or []), *self._activities(config["client"])]
        return config

    def _activities(self, client: Client) -> list[Callable[..., Any]]:
        if not self._definitions.workflows:
            return []
        if self._database is None:
            raise DefinitionError("a Worker needs SpinePlugin(database=...): its activities write to Postgres")
        claims = Claims(self._database, Standings(client))
        beginnings = Beginnings(
            self._database,
            self._definitions,
            claims,
            Resets(client),
            search_attributes=self._search_attributes,
        )
        own = RunActivities(self._database, beginnings, claims)
        pipelines = [
            pipeline_activity(cls, self._database, claims, beginnings) for cls in self._definitions.pipelines.values()
        ]
        return [own.begin, own.resume, own.verdict, own.show, own.end, own.hold, own.decide, own.wait_for, *pipelines]

    def _converter(self, existing: DataConverter | None) -> DataConverter:
        return _with_storage(_with_failures(_with_payloads(existing)), self._database)

    def _storing(self, client: Client) -> Client:
        """Return the client as the worker uses it, also where it was connected without this plugin."""
        settings = client.config()
        settings["data_converter"] = self._converter(settings["data_converter"])
        return Client(**settings)

    def _runner(self, runner: WorkflowRunner | None) -> WorkflowRunner:
        if runner is None:
            runner = SandboxedWorkflowRunner()
        if not isinstance(runner, SandboxedWorkflowRunner):
            return runner
        restrictions = runner.restrictions.with_passthrough_modules(*self._passed_through)
        return SpineWorkflowRunner(restrictions=restrictions, runner_class=runner.runner_class)


def _with_payloads(existing: DataConverter | None) -> DataConverter:
    """Keep the user's codec and storage; set the payload converter where it is Temporal's or pydantic's own."""
    converter = existing or DataConverter.default
    if converter.payload_converter_class not in {DefaultPayloadConverter, PydanticPayloadConverter}:
        return converter
    return dataclasses.replace(converter, payload_converter_class=SpinePayloadConverter)


def _with_failures(converter: DataConverter) -> DataConverter:
    """Keep a failure converter of the user's own; set ours in place of Temporal's."""
    return dataclasses.replace(
        converter, failure_converter_class=failure_converter_of(converter.failure_converter_class)
    )


def _with_storage(converter: DataConverter, database: Database | None) -> DataConverter:
    """Keep large payloads in the worker's database, where the converter has no storage of the user's own."""
    if database is None or not isinstance(converter.external_storage, SafeStorage | None):
        return converter
    return dataclasses.replace(converter, external_storage=external_storage(database))

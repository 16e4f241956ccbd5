"""``SpinePlugin``: what makes any Temporal Client, Worker and Replayer run Spine workflows."""

import asyncio
import contextlib
import dataclasses
import logging
import pickle
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultPayloadConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import ReplayerConfig, Worker, WorkerConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from spine_temporal.definition.errors import DefinitionError, SpineError
from spine_temporal.definition.workflow import Workflow
from spine_temporal.recording.database import Database
from spine_temporal.recording.payloads import SafeStorage, external_storage
from spine_temporal.runtime.attempt_threads import AttemptThreads
from spine_temporal.runtime.brief_steps import BriefSteps
from spine_temporal.runtime.claims import Claims
from spine_temporal.runtime.deciders import Deciders
from spine_temporal.runtime.definitions import Definitions, definitions_of
from spine_temporal.runtime.gate_activities import GateActivities
from spine_temporal.runtime.heart import LONGEST_INTERVAL
from spine_temporal.runtime.log_context import follow_records
from spine_temporal.runtime.logged_activities import LoggedActivities
from spine_temporal.runtime.lost_workers import LostWorkers
from spine_temporal.runtime.pipeline_activity import done_by, pipeline_activity
from spine_temporal.runtime.places import Place, Places
from spine_temporal.runtime.processes.attempt_processes import AttemptProcesses
from spine_temporal.runtime.processes.gate_processes import GateProcesses
from spine_temporal.runtime.processes.host import ProcessHost
from spine_temporal.runtime.resets import Resets
from spine_temporal.runtime.resume_starter import ResumeStarter
from spine_temporal.runtime.run_activities import RunActivities
from spine_temporal.runtime.run_logs import RunLogs
from spine_temporal.runtime.run_opener import RunOpener
from spine_temporal.runtime.run_starter import RunStarter
from spine_temporal.runtime.run_writes import RunWrites
from spine_temporal.runtime.source_limits import SourceLimits
from spine_temporal.runtime.step_groups import steps_activity
from spine_temporal.runtime.stretches import Stretches
from spine_temporal.runtime.temporal_runs import TemporalRuns
from spine_temporal.sdk_private import let_activations_take
from spine_temporal.translation.classes import replayed_class_of
from spine_temporal.translation.failure_converter import failure_converter_of
from spine_temporal.translation.maps import MapBatch, ReplayedMapBatch
from spine_temporal.translation.payloads import SpinePayloadConverter
from spine_temporal.translation.runner import SpineWorkflowRunner, runner_of
from spine_temporal.translation.snapshot import PASSED_THROUGH
from spine_temporal.translation.translate import translate

_log = logging.getLogger(__name__)

#: For how long Temporal's client may hold heartbeats back.
HEARTBEATS = timedelta(seconds=LONGEST_INTERVAL)
#: Seconds after which an activation counts as deadlocked. Gates in processes have a limit of their own, and a machine
#: that is busy elsewhere is no deadlock; Temporal gives a workflow task ten seconds.
_ACTIVATION = 6


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
        in_process: bool = False,
    ) -> None:
        self._definitions = definitions or definitions_of(workflows)
        self._database = database
        self._search_attributes = search_attributes
        self._logs = None if database is None else RunLogs(database)
        self._passed_through = (*PASSED_THROUGH, *passed_through)
        #: Where user code runs; None: in this process.
        self._host = None if in_process or not self._has_code else ProcessHost(self._definitions)
        self._closing: list[Callable[[], None]] = []
        self._running = 0
        super().__init__(
            "spine_temporal",
            data_converter=self._converter,
            workflows=[MapBatch, *(translate(*found) for found in self._definitions.workflows.values())],
            workflow_runner=self._runner,
        )

    @property
    def _has_code(self) -> bool:
        """Whether there is something to run; a worker of one task queue may have pipelines alone."""
        pipelines_alone = bool(self._definitions.pipelines) and self._database is not None
        return bool(self._definitions.workflows) or pipelines_alone

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Add workflows, activities and the sandbox's passthrough to a Worker."""
        config = super().configure_worker(config)
        # Temporal's client would hold heartbeats back for up to a minute, and with them the word of a cancel.
        longest = config.get("max_heartbeat_throttle_interval", HEARTBEATS)
        config["max_heartbeat_throttle_interval"] = min(longest, HEARTBEATS)
        config["client"] = self._storing(config["client"])
        runner = config.get("workflow_runner") or self._runner(None)
        gates = self._gates(runner)
        if gates is not None and isinstance(runner, SpineWorkflowRunner):
            config["workflow_runner"] = dataclasses.replace(runner, gates=gates)
        if self._logs is not None:
            follow_records()
            self._closing.append(self._logs.close)
            config["interceptors"] = [*(config.get("interceptors") or []), LoggedActivities(self._logs.keep)]
        config["activities"] = [*(config.get("activities") or []), *self._activities(config["client"], gates)]
        return config

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """Add workflows that tell a Replayer where they leave their history; those of a worker would end the run."""
        config = super().configure_replayer(config)
        found = self._definitions.workflows.values()
        replayed = {translate(*each): replayed_class_of(*each) for each in found} | {MapBatch: ReplayedMapBatch}
        config["workflows"] = [replayed.get(cls, cls) for cls in config.get("workflows") or []]
        return config

    async def start(self) -> None:
        """Start what user code runs in; raises ``DefinitionError`` for modules that cannot be loaded there."""
        if self._host is not None:
            try:
                await asyncio.to_thread(self._host.require)
            except BaseException:
                await asyncio.to_thread(self._host.close)
                raise

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:  # noqa: A002
        """Run the worker, and have its processes while it runs."""
        self._running += 1
        let_activations_take(worker, _ACTIVATION)
        try:
            with contextlib.suppress(DefinitionError, SpineError):  # each step that needs a process says so
                await self.start()
            await super().run_worker(worker, next)
        finally:
            self._running -= 1
            if not self._running:
                await self._close()

    async def _close(self) -> None:
        for close in self._closing:
            close()
        if self._host is not None:
            await asyncio.to_thread(self._host.close)

    def _activities(self, client: Client, gates: GateProcesses | None) -> list[Callable[..., Any]]:
        if not self._has_code:
            return []
        if self._database is None:
            raise DefinitionError("a Worker needs SpinePlugin(database=...): its activities write to Postgres")
        claims = Claims(self._database, TemporalRuns(client))
        brief = BriefSteps()
        places = self._attempts(self._database, brief)
        opener = RunOpener(
            self._database,
            self._definitions,
            claims,
            naming=places.activities,
            search_attributes=self._search_attributes,
        )
        resumes = ResumeStarter(self._database, self._definitions, opener, Resets(client))
        starts = RunStarter(self._definitions, opener, resumes, brief, validators=gates)
        known = self._definitions.pipelines
        runs = {name: done_by(cls, places, claims, resumes) for name, cls in known.items()}
        stretches = None if gates is None else Stretches(runs, self._definitions, gates, brief)
        writes = RunWrites(self._database, claims)
        own = RunActivities(self._database, self._definitions, starts, resumes, writes, stretches)
        return [
            *own.all,
            *GateActivities(self._database, resumes, Deciders(client), writes).all,
            steps_activity(runs),
            *([] if stretches is None else [stretches.stretch]),
            *(pipeline_activity(cls, runs[name]) for name, cls in known.items()),
        ]

    def _gates(self, runner: WorkflowRunner) -> GateProcesses | None:
        """Return what asks the worker's gates and validates params, where processes can be told the restrictions."""
        if self._host is None or not isinstance(runner, SandboxedWorkflowRunner):
            return None
        try:
            gates = GateProcesses(self._host, runner.restrictions)
        except (pickle.PicklingError, AttributeError, TypeError):
            _log.warning("gates are asked in the worker itself: the sandbox's restrictions cannot be pickled")
            return None
        self._closing.append(gates.close)
        return gates

    def _attempts(self, database: Database, brief: BriefSteps) -> Places:
        """Return where the worker makes attempts."""
        threads = AttemptThreads()
        activities: Place = threads if self._host is None else AttemptProcesses(self._host, database, self._logs)
        self._closing.append(activities.close)
        return Places(
            database=database,
            activities=activities,
            local=threads,
            lost=LostWorkers(database),
            brief=brief,
            limits=SourceLimits(database),
        )

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
        return runner_of(restrictions, runner.runner_class)


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

"""Versions of a workflow: as the modules define it, as they did at a git revision, and as a run has recorded it."""

from spine_temporal.checks import code_digests
from spine_temporal.definition.workflow import Workflow
from spine_temporal.drawing.version import Version
from spine_temporal.machine.plan import Plan
from spine_temporal.machine.planning import plan_of
from spine_temporal.recording.runs import RunRow
from spine_temporal.runtime.definitions import Definitions


def version_of(definitions: Definitions, name: str, label: str) -> Version:
    """Return a workflow as the modules define it; raise ``DefinitionError`` naming those that there are."""
    workflow = definitions.workflow(name)
    return Version(
        label=label,
        plan=Plan.model_validate(plan_of(workflow).model_dump(mode="json")),
        settings=_settings(workflow),
        code=code_digests(workflow),
        pipelines=tuple(sorted(definitions.pipelines)),
        workflows=tuple(sorted(definitions.workflows)),
    )


def version_of_run(row: RunRow) -> Version:
    """Return the workflow as a run has recorded it when it began."""
    return Version(label=f"run {row.run_id}", plan=Plan.model_validate(row.plan))


def _settings(workflow: Workflow) -> dict[str, object]:
    model = workflow.params_model
    fields = {} if model is None else {name: str(field.annotation) for name, field in model.model_fields.items()}
    return {
        "description": workflow.description,
        "tags": list(workflow.tags),
        "defaults": dict(workflow.defaults),
        "params": fields,
        "partition_by": None if workflow.partition_by is None else list(workflow.partition_by),
    }

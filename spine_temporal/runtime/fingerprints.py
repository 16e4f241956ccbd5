"""Fingerprints of the inputs of a run's pipelines: where one has changed, a completed partition is done again."""

import logging
from collections.abc import Mapping
from inspect import getattr_static
from typing import Any, Protocol

from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.machine.plan import Plan, PlannedPipeline

_log = logging.getLogger(__name__)

#: Seconds that one pipeline's fingerprint may take; begin waits for it.
_PATIENCE = 15.0


class Naming(Protocol):
    """Asks a pipeline for the fingerprint of its input."""

    async def fingerprint(self, pipeline: type[Pipeline], params: Mapping[str, Any], patience: float) -> Any:
        """Return it; raises whatever hinders it within ``patience`` seconds."""


async def fingerprints_of(
    plan: Plan, given: Mapping[str, Any], pipelines: Mapping[str, type[Pipeline]], place: Naming
) -> dict[str, Any]:
    """Return the fingerprints by step, of the pipelines that name their inputs; what cannot be read has none.

    ``given`` are the run's params.
    """
    naming = {
        step.name: (pipelines[step.pipeline], {**given, **step.params})
        for step in _pipelines_of(plan)
        if step.pipeline in pipelines and _says(pipelines[step.pipeline])
    }
    found: dict[str, Any] = {}
    for name, (pipeline, params) in naming.items():
        try:
            value = await place.fingerprint(pipeline, params, _PATIENCE)
        except Exception as error:  # noqa: BLE001 - the step itself tells what is wrong with its input
            _log.info("pipeline %s has no fingerprint for step %s: %s", pipeline.name, name, error)
            continue
        if value is not None:
            found[name] = value
    return found


def _says(pipeline: type[Pipeline]) -> bool:
    """Whether a pipeline names its input; bound methods, which are new each time, would not tell."""
    return getattr_static(pipeline, "fingerprint") is not getattr_static(Pipeline, "fingerprint")


def changed_inputs(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """Return the steps whose inputs have other fingerprints now than those of the run that completed the partition."""
    before = before or {}
    return [name for name, value in now.items() if name in before and before[name] != value]


def _pipelines_of(plan: Plan) -> list[PlannedPipeline]:
    """Return the steps whose params are known before the run begins."""
    steps = [place.step for place in plan.places.values() if place.position is not None]
    return [step for step in steps if isinstance(step, PlannedPipeline) and not step.computed]

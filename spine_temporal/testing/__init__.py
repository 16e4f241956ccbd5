"""Test workflows, gates and pipelines: with no server, on real ones, and with workers that die.

``plugin`` has the fixtures, which pytest loads by itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spine_temporal.testing.assertions import (
        assert_anomalies,
        assert_completed,
        assert_failed,
        assert_manifest,
        assert_outputs,
        assert_quality,
    )
    from spine_temporal.testing.deployment import assert_pinned, replay_all
    from spine_temporal.testing.gates import ask_gate, fails, gate_cases, gate_context, passes
    from spine_temporal.testing.in_process import MissingStubError, run_in_process
    from spine_temporal.testing.services import PipelineTestServices, run_pipeline

__all__ = [
    # gates
    "gate_context",
    "gate_cases",
    "passes",
    "fails",
    "ask_gate",
    # workflows and pipelines
    "run_in_process",
    "MissingStubError",
    "PipelineTestServices",
    "run_pipeline",
    # what came of them
    "assert_completed",
    "assert_failed",
    "assert_outputs",
    "assert_manifest",
    "assert_anomalies",
    "assert_quality",
    # runs in flight
    "replay_all",
    "assert_pinned",
]

_PLACES = {
    "gates": ("gate_context", "gate_cases", "passes", "fails", "ask_gate"),
    "in_process": ("run_in_process", "MissingStubError"),
    "services": ("PipelineTestServices", "run_pipeline"),
    "assertions": (
        "assert_completed",
        "assert_failed",
        "assert_outputs",
        "assert_manifest",
        "assert_anomalies",
        "assert_quality",
    ),
    "deployment": ("replay_all", "assert_pinned"),
}
_LAZY = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)

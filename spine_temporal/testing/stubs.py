"""What stands for a pipeline in a test: a function of its params, its metrics, or a pipeline."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spine_temporal.definition.pipeline import Pipeline
from spine_temporal.testing.services import PipelineTestServices

Stub = Callable[[Mapping[str, Any]], Any] | Mapping[str, Any] | type[Pipeline]
Stubs = Mapping[str, Stub] | Iterable[type[Pipeline]]


def stubs_by_name(given: Stubs | None) -> dict[str, Stub]:
    """Return stubs by the pipeline's name; pipelines may be listed, as each has its own."""
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    return {pipeline.name: pipeline for pipeline in given}


def in_process_stubs(
    given: Stubs | None, services: PipelineTestServices | None
) -> dict[str, Callable[[Mapping[str, Any]], Any] | Mapping[str, Any]]:
    """Return stubs as a run in process takes them; a pipeline runs with these services."""
    return {name: _called(name, stub, services) for name, stub in stubs_by_name(given).items()}


def _called(
    name: str, stub: Stub, services: PipelineTestServices | None
) -> Callable[[Mapping[str, Any]], Any] | Mapping[str, Any]:
    if not isinstance(stub, type):
        return stub
    pipeline: type[Pipeline] = stub
    if services is None:
        raise TypeError(
            f"{pipeline.__name__} stands for the pipeline {name!r} and needs services: give "
            "services=PipelineTestServices(spine_connection), or a function of its params"
        )
    return lambda params: pipeline(params, services).run()


def stub_classes(given: Stubs | None) -> dict[str, type[Pipeline]]:
    """Return stubs as a worker takes them."""
    return {name: _class_of(name, stub) for name, stub in stubs_by_name(given).items()}


def _class_of(name: str, stub: Stub) -> type[Pipeline]:
    if isinstance(stub, type):
        return stub

    def run(self: Pipeline) -> Any:
        return stub(self.params) if callable(stub) else dict(stub)

    return type("Stub", (Pipeline,), {"name": name, "run": run, "__doc__": f"Stands for {name}."})

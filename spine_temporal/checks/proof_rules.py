"""Rules of the tests and the pages that a workflow has: SPN6xx, as far as names tell."""

from collections.abc import Iterator
from pathlib import Path

from spine_temporal.checks.check_settings import CheckSettings
from spine_temporal.checks.findings import Finding
from spine_temporal.checks.loaded import FoundWorkflow, Loaded
from spine_temporal.checks.project_tests import ProjectTest, project_tests
from spine_temporal.definition.simple_steps import LambdaStep

_PAGES = {".md", ".rst", ".txt"}
#: Names of what runs a workflow in a test.
_RUNS = {
    "run_in_process",
    "run_workflow",
    "run_durably",
    "crash_at",
    "execute",
    "execute_workflow",
    "start",
    "start_workflow",
    "run",
}
#: Names of what asks a gate by its workflow and its step.
_ASKS = {"gate_cases", "ask_gate"}
_FAILURE = ("FAILED", "error_step", "failed_steps", "error_category", "assert_failed")
_AGAIN = ("idempot", "twice", "again", "repeat", "same", "second", "reused")


def proof_findings(loaded: Loaded, settings: CheckSettings, folder: Path) -> Iterator[Finding]:
    """Yield the tests and pages that the workflows of a project lack."""
    tests = _tests(loaded, [folder / each for each in settings.tests])
    pages = [page for each in settings.docs for page in (folder / each).rglob("*") if page.suffix in _PAGES]
    texts = [page.read_text(encoding="utf-8", errors="replace") for page in pages]
    for found in loaded.workflows:
        name = found.workflow.name
        yield from _gates(found, tests)
        yield from _runs(found, [test for test in tests if _runs_it(test, found)])
        if not any(name in text for text in texts):
            yield Finding.of("SPN605", found.place, f"no page below {', '.join(settings.docs)} names workflow {name!r}")


def _tests(loaded: Loaded, folders: list[Path]) -> list[ProjectTest]:
    words = [word for found in loaded.workflows for word in (found.attribute, found.workflow.name, *_handlers(found))]
    return list(project_tests([folder for folder in folders if folder.is_dir()], words))


def _handlers(found: FoundWorkflow) -> list[str]:
    named = [getattr(step.handler, "__name__", "") for step in found.workflow.all_steps if isinstance(step, LambdaStep)]
    return [name for name in named if name.isidentifier()]


def _gates(found: FoundWorkflow, tests: list[ProjectTest]) -> Iterator[Finding]:
    for step in found.workflow.all_steps:
        name = getattr(step.handler, "__name__", "") if isinstance(step, LambdaStep) else ""
        if name.isidentifier() and not any(name in test.names or _asks(test, found, step.name) for test in tests):
            message = f"no test calls {name}, the gate {step.name!r} of workflow {found.workflow.name!r}"
            yield Finding.of("SPN601", found.place_of_step(step.name), message)


def _asks(test: ProjectTest, found: FoundWorkflow, step: str) -> bool:
    return bool(_ASKS & test.names) and found.attribute in test.names and step in test.texts


def _runs_it(test: ProjectTest, found: FoundWorkflow) -> bool:
    names_it = found.attribute in test.names or test.says(found.workflow.name)
    return names_it and bool(_RUNS & (test.names | test.texts))


def _runs(found: FoundWorkflow, tests: list[ProjectTest]) -> Iterator[Finding]:
    name = found.workflow.name
    if not any(test.says("COMPLETED", "completed_steps", "assert_completed") for test in tests):
        yield Finding.of("SPN602", found.place, f"no test runs workflow {name!r} to its end")
    if not any(test.says(*_FAILURE) for test in tests):
        yield Finding.of("SPN603", found.place, f"no test shows that a gate stops workflow {name!r}")
    if not any(_repeats(test) for test in tests):
        yield Finding.of("SPN604", found.place, f"no test runs workflow {name!r} twice with the same params")


def _repeats(test: ProjectTest) -> bool:
    twice = any(test.calls.count(call) > 1 for call in test.calls if call in _RUNS)
    return twice or any(word in test.name for word in _AGAIN)

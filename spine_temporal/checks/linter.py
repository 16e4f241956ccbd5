"""All rules over what was loaded: what ``check`` finds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from spine_temporal.checks.catalogue import CODES
from spine_temporal.checks.check_settings import CheckSettings
from spine_temporal.checks.codes import FindingSeverity
from spine_temporal.checks.findings import Finding, Place, in_order
from spine_temporal.checks.gate_rules import gate_findings
from spine_temporal.checks.import_rules import import_findings
from spine_temporal.checks.lightness import lightness_findings
from spine_temporal.checks.loaded import Loaded
from spine_temporal.checks.module_rules import module_findings
from spine_temporal.checks.output_keys import OutputKeys
from spine_temporal.checks.proof_rules import proof_findings
from spine_temporal.checks.read_rules import items_findings, read_findings
from spine_temporal.checks.step_code import StepCode, code_of_steps
from spine_temporal.checks.suppressions import Suppression, suppressions_in, unsuppressed
from spine_temporal.checks.workflow_rules import workflow_findings

#: What tests and pages are looked for by.
_OF_PROJECT = "SPN6"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, by place, in how many workflows and modules."""

    findings: tuple[Finding, ...]
    workflows: int
    modules: int

    def count(self, severity: FindingSeverity) -> int:
        """Return how many findings are that grave."""
        return sum(finding.severity is severity for finding in self.findings)

    def is_refused(self, *, strict: bool) -> bool:
        """Return whether there is an error; ``strict`` counts warnings too."""
        return bool(self.count(FindingSeverity.ERROR) or (strict and self.count(FindingSeverity.WARNING)))


def check(
    loaded: Loaded,
    settings: CheckSettings | None = None,
    project: Path | None = None,
    recorded: Mapping[str, frozenset[str]] | None = None,
) -> Report:
    """Apply every rule; those of tests and pages where the project's folder is given.

    ``recorded`` has the keys that pipelines have given in runs, by their names.
    """
    settings = settings or CheckSettings()
    judged = frozenset(
        name
        for name in CODES
        if name not in settings.disable and not (project is None and name.startswith(_OF_PROJECT))
    )
    keys = OutputKeys(loaded, recorded or {})
    raw = [each for each in _all(loaded, keys, settings, project) if each.code in judged]
    suppressions = _suppressions(loaded, raw)
    kept = unsuppressed(raw, suppressions)
    kept += [each for one in suppressions for each in one.wrong(judged) if each.code in judged]
    graded = [replace(each, severity=settings.severity.get(each.code, each.severity)) for each in kept]
    return Report(findings=tuple(in_order(graded)), workflows=len(loaded.workflows), modules=len(loaded.modules))


def _all(loaded: Loaded, keys: OutputKeys, settings: CheckSettings, project: Path | None) -> Iterator[Finding]:
    yield from import_findings(loaded)
    yield from module_findings(loaded)
    for found in loaded.workflows:
        yield from workflow_findings(found, loaded)
        yield from items_findings(found, keys)
    for code in code_of_steps(loaded):
        yield from _seen(code)
        yield from gate_findings(code)
        yield from lightness_findings(code)
        yield from read_findings(code, keys)
    if project is not None:
        yield from proof_findings(loaded, settings, project)


def _seen(code: StepCode) -> Iterator[Finding]:
    for each in code.sightings():
        through = f" (through {', '.join(each.trail)})" if each.trail else ""
        place = Place(file=each.file, line=each.line, column=each.column)
        if each.code == "SPN301" and not code.is_gate:
            continue
        yield Finding.of(each.code, place, f"{code.head} {each.what}{through}")


def _suppressions(loaded: Loaded, findings: list[Finding]) -> list[Suppression]:
    files = {finding.place.file for finding in findings}
    files |= {str(module.__file__) for module in loaded.modules if getattr(module, "__file__", None)}
    sources = [loaded.sources.of(file) for file in sorted(files)]
    return [each for source in sources if source is not None for each in suppressions_in(source)]

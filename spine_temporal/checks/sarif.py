"""A report in SARIF 2.1.0, which code hosts show beside the lines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spine_temporal.checks.catalogue import CODES
from spine_temporal.checks.codes import Code, FindingSeverity
from spine_temporal.checks.findings import Finding
from spine_temporal.checks.linter import Report
from spine_temporal.definition.user_code import short_path

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {FindingSeverity.ERROR: "error", FindingSeverity.WARNING: "warning", FindingSeverity.HINT: "note"}
_INDEX = {name: index for index, name in enumerate(CODES)}


def sarif_of(report: Report, version: str) -> Mapping[str, Any]:
    """Return the report as a SARIF log; paths are relative to the current folder where they lie below it."""
    driver = {"name": "spine-temporal", "version": version, "rules": [_rule(code) for code in CODES.values()]}
    results = [_result(finding) for finding in report.findings]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _rule(code: Code) -> Mapping[str, Any]:
    return {
        "id": code.name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.why},
        "help": {"text": code.mend},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(finding: Finding) -> Mapping[str, Any]:
    path = short_path(finding.place.file)
    uri = Path(path).as_uri() if Path(path).is_absolute() else path
    region = {"startLine": finding.place.line, "startColumn": finding.place.column}
    return {
        "ruleId": finding.code,
        "ruleIndex": _INDEX[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message}: {finding.mend}"},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}],
    }

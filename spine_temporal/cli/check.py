"""``check``: the rules of how workflows are written, applied to modules before anything runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.definition.errors import ParamsError

if TYPE_CHECKING:
    from spine_temporal.checks.codes import Code
    from spine_temporal.checks.findings import Finding
    from spine_temporal.checks.linter import Report
    from spine_temporal.settings import Settings

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[MODULE|FILE]...", help="Modules, .py files or folders; none: the modules of the settings."
    ),
]
Explain = Annotated[
    str | None, typer.Option("--explain", metavar="CODE", help="Say what a code means, and how it is mended.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")]
AsSarif = Annotated[bool, typer.Option("--sarif", help="Print a SARIF log, for a code host.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 1 where there are warnings, too.")]
Recorded = Annotated[
    bool, typer.Option("--recorded", help="Know the keys of outputs that runs have given, too: asks Postgres.")
]


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("check", rich_help_panel=panels.WRITING)(check)


def check(
    targets: Targets = None,
    explain: Explain = None,
    as_json: AsJson = False,
    as_sarif: AsSarif = False,
    strict: Strict = False,
    recorded: Recorded = False,
) -> None:
    """Check workflows, gates and pipelines without running them. Exits 1 where there is an error."""
    if explain is not None:
        _explain(explain)
        return
    if as_json and as_sarif:
        raise ParamsError("--json and --sarif are two forms of one answer: give one of them")
    report = _report(targets or [], recorded=recorded)
    if as_json:
        _print_json(report)
    elif as_sarif:
        _print_sarif(report)
    else:
        _print(report)
    raise typer.Exit(1 if report.is_refused(strict=strict) else 0)


def _report(targets: list[str], *, recorded: bool) -> "Report":
    """Check, with what the modules print kept out of the answer."""
    import contextlib  # noqa: PLC0415 - keeps --help quick
    import sys  # noqa: PLC0415

    from spine_temporal.client.check import check_modules  # noqa: PLC0415
    from spine_temporal.settings import Settings  # noqa: PLC0415

    settings = Settings.from_environment()
    keys = _recorded_keys(settings) if recorded else {}
    with contextlib.redirect_stdout(sys.stderr):
        return check_modules(targets, settings, keys)


def _recorded_keys(settings: "Settings") -> dict[str, frozenset[str]]:
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.recording.recorded_outputs import recorded_keys  # noqa: PLC0415

    with opened_database(settings) as database, database.begin() as connection:
        return recorded_keys(connection)


def _explain(name: str) -> None:
    from spine_temporal.checks.catalogue import CODES  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.definition.names import did_you_mean  # noqa: PLC0415

    code = CODES.get(name.upper())
    if code is None:
        raise ParamsError(
            f"there is no code {name!r}: codes are {min(CODES)} to {max(CODES)}, listed in docs/checks.md"
            f"{did_you_mean(name.upper(), CODES)}"
        )
    typer.echo("\n".join(_lines_of(code)))


def _lines_of(code: "Code") -> list[str]:
    lines = [f"{code.name} ({code.severity}): {code.title}", f"  {code.group}", "", code.why, code.mend]
    for title, example in (("Instead of", code.bad), ("write", code.good)):
        if example:
            lines += ["", f"{title}:", *(f"    {line}" for line in example.splitlines())]
    return lines


def _print(report: "Report") -> None:
    from spine_temporal.cli.printing import say  # noqa: PLC0415 - keeps --help quick

    for finding in report.findings:
        say(f"{_where(finding)}: {finding.severity} {finding.code}: {finding.message}", hanging="    ")
        say(finding.mend, indent="    ")
    say(_summary(report))


def _summary(report: "Report") -> str:
    from spine_temporal.checks.codes import FindingSeverity  # noqa: PLC0415 - keeps --help quick

    counts = [(report.count(severity), severity.value) for severity in FindingSeverity]
    found = ", ".join(_counted(count, word) for count, word in counts if count) or "nothing found"
    return f"{found} in {_counted(report.workflows, 'workflow')} and {_counted(report.modules, 'module')}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _where(finding: "Finding") -> str:
    from spine_temporal.definition.user_code import short_path  # noqa: PLC0415 - keeps --help quick

    return f"{short_path(finding.place.file)}:{finding.place.line}:{finding.place.column}"


def _print_json(report: "Report") -> None:
    from spine_temporal.checks.codes import FindingSeverity  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415
    from spine_temporal.definition.user_code import short_path  # noqa: PLC0415

    findings = [
        {
            "code": finding.code,
            "severity": finding.severity,
            "file": short_path(finding.place.file),
            "line": finding.place.line,
            "column": finding.place.column,
            "message": finding.message,
            "mend": finding.mend,
        }
        for finding in report.findings
    ]
    counts = {f"{severity}s": report.count(severity) for severity in FindingSeverity}
    summary = {**counts, "workflows": report.workflows, "modules": report.modules}
    print_json({"findings": findings, "summary": summary})


def _print_sarif(report: "Report") -> None:
    import importlib.metadata  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.checks.sarif import sarif_of  # noqa: PLC0415
    from spine_temporal.cli.printing import print_json  # noqa: PLC0415

    print_json(sarif_of(report, importlib.metadata.version("spine-temporal")))

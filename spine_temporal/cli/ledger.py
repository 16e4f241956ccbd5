"""``runs``, ``executions``, ``manifest``, ``anomalies``: what runs have written, asked in one form."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.filters import (
    AsJson,
    AsLines,
    Before,
    Categories,
    Children,
    ExecutionStatuses,
    Limit,
    PartitionPairs,
    Run,
    RunStatuses,
    Severities,
    Since,
    Stages,
    States,
    Steps,
    Watch,
    WorkflowOption,
    capitals,
    print_rows,
    question_of,
)
from spine_temporal.cli.reason import Reason, require_reason
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from spine_temporal.cli.filters import Rows
    from spine_temporal.recording.ledger import Question

All = Annotated[bool, typer.Option("--all", help="The resolved ones too.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides it; default: the login name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be resolved, and resolve nothing.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.ROWS)(runs)
    app.command(rich_help_panel=panels.ROWS)(executions)
    app.command(rich_help_panel=panels.ROWS)(manifest)
    group = typer.Typer(invoke_without_command=True, callback=anomalies)
    group.command("resolve")(resolve)
    app.add_typer(group, name="anomalies", rich_help_panel=panels.ROWS)


def runs(
    workflow: WorkflowOption = None,
    partition: PartitionPairs = None,
    status: RunStatuses = None,
    category: Categories = None,
    run: Run = None,
    since: Since = None,
    until: Before = None,
    children: Children = False,
    limit: Limit = 50,
    as_json: AsJson = False,
    as_lines: AsLines = False,
    watch: Watch = False,
) -> None:
    """Print runs as Postgres alone knows them, also those that Temporal has forgotten, newest first."""
    question = question_of(
        workflow=workflow,
        partition=partition,
        statuses=status,
        categories=capitals(category),
        run=run,
        since=since,
        until=until,
        without_children=not children and run is None,
    )
    _ask("runs", question, limit, nothing="no runs", as_json=as_json, as_lines=as_lines, watch=watch)


def executions(
    workflow: WorkflowOption = None,
    partition: PartitionPairs = None,
    status: ExecutionStatuses = None,
    step: Steps = None,
    run: Run = None,
    since: Since = None,
    until: Before = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    as_lines: AsLines = False,
    watch: Watch = False,
) -> None:
    """Print what pipelines have done, newest first: one row for each execution, with all of its attempts."""
    question = question_of(
        workflow=workflow,
        partition=partition,
        statuses=status,
        steps=step,
        run=run,
        since=since,
        until=until,
    )
    _ask("executions", question, limit, nothing="no executions", as_json=as_json, as_lines=as_lines, watch=watch)


def manifest(
    workflow: WorkflowOption = None,
    partition: PartitionPairs = None,
    stage: Stages = None,
    since: Since = None,
    until: Before = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
    as_lines: AsLines = False,
    watch: Watch = False,
) -> None:
    """Print how far each partition has come."""
    question = question_of(workflow=workflow, partition=partition, stages=capitals(stage), since=since, until=until)
    _ask(
        "manifest",
        question,
        limit,
        nothing="no partition has reached a stage yet",
        as_json=as_json,
        as_lines=as_lines,
        watch=watch,
    )


def anomalies(
    context: typer.Context,
    workflow: WorkflowOption = None,
    partition: PartitionPairs = None,
    status: States = None,
    category: Categories = None,
    severity: Severities = None,
    run: Run = None,
    since: Since = None,
    until: Before = None,
    with_resolved: All = False,
    limit: Limit = 1000,
    as_json: AsJson = False,
    as_lines: AsLines = False,
    watch: Watch = False,
) -> None:
    """Print what went wrong and is not resolved, newest first; or resolve many at once."""
    if context.invoked_subcommand is not None:
        _refuse_options_before(context)
        return
    from spine_temporal.recording.triage import UNRESOLVED  # noqa: PLC0415 - keeps --help quick

    question = question_of(
        workflow=workflow,
        partition=partition,
        statuses=status or (() if with_resolved else UNRESOLVED),
        categories=capitals(category),
        severities=severity,
        run=run,
        since=since,
        until=until,
    )

    none = "no anomalies" if with_resolved or status else "no open anomalies; --all shows the resolved ones"
    _ask("anomalies", question, limit, nothing=none, as_json=as_json, as_lines=as_lines, watch=watch)


def resolve(
    workflow: WorkflowOption = None,
    partition: PartitionPairs = None,
    category: Categories = None,
    severity: Severities = None,
    run: Run = None,
    since: Since = None,
    until: Before = None,
    reason: Reason = "",
    by: By = None,
    dry_run: DryRun = False,
) -> None:
    """Close all anomalies that fit and are not resolved, with who and why."""
    from spine_temporal.cli.printing import print_anomalies  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.client.ledger import Ledger  # noqa: PLC0415

    question = question_of(
        workflow=workflow,
        partition=partition,
        categories=capitals(category),
        severities=severity,
        run=run,
        since=since,
        until=until,
    )
    if not dry_run:
        require_reason(reason)
    with opened_database(Settings.from_environment()) as database:
        ledger = Ledger(database)
        if dry_run:
            found = ledger.unresolved(question)
            print_anomalies(found, nothing="no open anomaly fits")
            typer.echo(f"{len(found)} would be resolved", err=True)
            return
        done = ledger.resolve(question, by=by or login_name(), reason=reason)
    typer.echo(f"resolved {len(done)}")


def _refuse_options_before(context: typer.Context) -> None:
    """Raise ``ParamsError`` for an option that stands before the sub-command, which would not heed it."""
    given = [name for name, value in context.params.items() if value not in (None, False, [], (), 1000)]
    if given:
        raise ParamsError(f"--{given[0].replace('_', '-')} must stand behind `anomalies {context.invoked_subcommand}`")


def _ask(name: str, question: "Question", limit: int, *, nothing: str, **printing: Any) -> None:
    """Print what a ledger answers; where that is nothing, whether the workflow has any run."""
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.client.ledger import Ledger  # noqa: PLC0415
    from spine_temporal.recording.run_list import unknown_workflow  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database:
        ledger, show, key = Ledger(database), *_shown(name)
        looks = {
            "runs": ledger.runs,
            "executions": ledger.executions,
            "manifest": ledger.manifest,
            "anomalies": ledger.anomalies,
        }

        def tell(rows: "Rows") -> None:
            unknown = ""
            if not rows:
                with database.begin() as connection:
                    unknown = unknown_workflow(connection, question.workflow)
            show(rows, nothing=unknown or nothing)

        print_rows(lambda: looks[name](question, limit=limit), tell, key=key, **printing)


def _shown(name: str) -> "tuple[Callable[..., None], tuple[str, ...]]":
    """Return how rows are printed for a person, and what tells one from the others."""
    from spine_temporal.cli.ledger_tables import print_executions, print_runs  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.printing import print_anomalies, print_manifest  # noqa: PLC0415

    return {
        "runs": (print_runs, ("run_id",)),
        "executions": (print_executions, ("execution_id",)),
        "manifest": (print_manifest, ("domain", "partition_key", "stage")),
        "anomalies": (print_anomalies, ("anomaly_id",)),
    }[name]

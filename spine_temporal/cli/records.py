"""``quality``, ``rejects``: what runs measured and refused; ``acknowledge``, ``resolve``: what becomes of anomalies."""

from typing import TYPE_CHECKING, Annotated

import typer

from spine_temporal.cli import panels
from spine_temporal.cli.filters import AsJson, Limit, WorkflowOption
from spine_temporal.cli.reason import Reason, require_reason
from spine_temporal.definition.errors import ParamsError
from spine_temporal.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from spine_temporal.recording.runs import RunRow

RunOrWorkflowId = Annotated[
    str, typer.Argument(metavar="WORKFLOW_ID_OR_RUN", help="A run id, or a workflow id: its newest run.")
]
AnomalyId = Annotated[str, typer.Argument(metavar="ANOMALY_ID", help="Its id, or the first 8 characters or more.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who decides it; default: the login name.")]
Carer = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does; default: the login name.")]
Failed = Annotated[bool, typer.Option("--failed", help="Only what did not pass.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(rich_help_panel=panels.ROWS)(quality)
    app.command(rich_help_panel=panels.ROWS)(rejects)
    app.command(rich_help_panel=panels.ROWS)(decisions)
    app.command(rich_help_panel=panels.ROWS)(acknowledge)
    app.command(rich_help_panel=panels.ROWS)(resolve)


def quality(
    workflow: WorkflowOption = None, failed: Failed = False, limit: Limit = 1000, as_json: AsJson = False
) -> None:
    """Print what gates and pipelines measured of their data, newest first."""
    from spine_temporal.cli.printing import print_json, print_quality  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.recording.quality import list_quality  # noqa: PLC0415
    from spine_temporal.recording.run_list import unknown_workflow  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database, database.begin() as connection:
        rows = list_quality(connection, workflow=workflow, failed=failed, limit=limit)
        unknown = "" if rows else unknown_workflow(connection, workflow)
    if as_json:
        print_json(rows)
        return
    print_quality(rows, nothing=unknown or ("nothing failed" if failed else "nothing was measured yet"))


def rejects(run: RunOrWorkflowId, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """Print the rows of data that a run's pipelines refused, each with its reason."""
    from spine_temporal.cli.printing import print_json, print_rejects  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.recording.rejects import count_rejects, list_rejects  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database, database.begin() as connection:
        found = found_run(connection, run)
        rows = list_rejects(connection, found, limit=limit)
        counts = count_rejects(connection, found)
    if as_json:
        print_json(rows)
        return
    print_rejects(rows, counts, nothing=f"run {found.run_id} of {found.workflow_id} has refused no row")


def found_run(connection: "Connection", run: str) -> "RunRow":
    """Return the run of that id, or the newest of that workflow id."""
    from spine_temporal.recording.runs import latest_run, run_of  # noqa: PLC0415 - keeps --help quick

    found = run_of(connection, run) or latest_run(connection, run)
    if found is None:
        raise ParamsError(
            f"{run[:200]!r} is neither a run id nor a workflow id of a run that has begun",
            advice="`spine-temporal list --json` has both of each run",
        )
    return found


def decisions(workflow: WorkflowOption = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """Print what was decided of held gates, newest first: who, why, and what was seen."""
    from spine_temporal.cli.printing import print_decisions, print_json  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.recording.decisions import list_decisions  # noqa: PLC0415
    from spine_temporal.recording.run_list import unknown_workflow  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database, database.begin() as connection:
        rows = list_decisions(connection, workflow=workflow, limit=limit)
        unknown = "" if rows else unknown_workflow(connection, workflow)
    if as_json:
        print_json(rows)
        return
    print_decisions(rows, nothing=unknown or "nothing was decided yet")


def acknowledge(anomaly_id: AnomalyId, by: Carer = None) -> None:
    """Say that somebody looks after an anomaly; it stays open until it is resolved."""
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.recording import triage  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database, database.begin() as connection:
        found = triage.acknowledge(connection, anomaly_id, by=by or login_name())
    typer.echo(f"acknowledged {found}")


def resolve(anomaly_id: AnomalyId, reason: Reason = "", by: By = None) -> None:
    """Close an anomaly, with who and why. A run that completes the partition closes its own."""
    from spine_temporal.cli.resume import login_name  # noqa: PLC0415 - keeps --help quick
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415
    from spine_temporal.recording import triage  # noqa: PLC0415

    require_reason(reason)
    with opened_database(Settings.from_environment()) as database, database.begin() as connection:
        found = triage.resolve(connection, anomaly_id, by=by or login_name(), reason=reason)
    typer.echo(f"resolved {found}")

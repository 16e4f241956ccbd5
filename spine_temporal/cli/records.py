"""``manifest``, ``anomalies``: the rows that runs have written."""

from typing import Annotated

import typer

from spine_temporal.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print an array of rows.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many rows, newest first.")]
WorkflowOption = Annotated[str | None, typer.Option("--workflow", help="Of this workflow only.")]

_MANIFEST = (
    "domain",
    "partition_key",
    "stage",
    "stage_rank",
    "row_count",
    "metrics",
    "execution_id",
    "batch_id",
    "updated_at",
)
_ANOMALIES = (
    "anomaly_id",
    "domain",
    "stage",
    "partition_key",
    "severity",
    "category",
    "message",
    "detected_at",
    "metadata",
    "resolved_at",
    "resolution",
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(manifest)
    app.command()(anomalies)


def manifest(workflow: WorkflowOption = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """Print how far each partition has come."""
    where = "" if workflow is None else "WHERE domain = :value"
    _print(
        f"SELECT {', '.join(_MANIFEST)} FROM core_manifest {where} "
        "ORDER BY updated_at DESC, domain, partition_key, stage_rank DESC LIMIT :limit",
        {"value": f"workflow.{workflow}", "limit": limit},
        shown=("domain", "partition_key", "stage", "row_count", "updated_at"),
        as_json=as_json,
        title="core_manifest",
    )


def anomalies(workflow: WorkflowOption = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """Print what went wrong, newest first."""
    where = "" if workflow is None else "WHERE metadata ->> 'workflow' = :value"
    _print(
        f"SELECT {', '.join(_ANOMALIES)} FROM core_anomalies {where} "
        "ORDER BY detected_at DESC, anomaly_id LIMIT :limit",
        {"value": workflow, "limit": limit},
        shown=("detected_at", "severity", "category", "stage", "partition_key", "message", "resolution"),
        as_json=as_json,
        title="core_anomalies",
    )


def _print(query: str, values: dict[str, object], *, shown: tuple[str, ...], as_json: bool, title: str) -> None:
    from sqlalchemy import text  # noqa: PLC0415 - keeps --help quick

    from spine_temporal.cli.printing import print_rows  # noqa: PLC0415
    from spine_temporal.cli.session import opened_database  # noqa: PLC0415

    with opened_database(Settings.from_environment()) as database, database.begin() as connection:
        rows = connection.execute(text(query), values).mappings().all()
    print_rows([dict(row) for row in rows], shown, as_json=as_json, title=title)

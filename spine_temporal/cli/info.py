"""``spine-temporal info`` and ``env``: where the servers are that answer now."""

import shlex
from typing import Any

import typer

from spine_temporal.cli.printing import print_json
from spine_temporal.cli.session import definitions, run_async
from spine_temporal.client.readiness import Answering, answering, until_ready
from spine_temporal.client.web_ui import ui_of, views
from spine_temporal.definition.redaction import shown_url
from spine_temporal.runtime.definitions import NO_WORKFLOWS
from spine_temporal.settings import Settings

#: Seconds that `--wait` waits.
_PATIENCE = 120.0
#: What is said of a server that does not answer.
_ABSENT = {"temporal_address": "not running", "database_url": "not running"}


def print_info(settings: Settings, *, wait: bool, as_json: bool) -> None:
    """Print the addresses and the workflows; raise ``SpineError`` at the end where a server does not answer."""
    if wait:
        run_async(lambda: until_ready(settings, patience=_PATIENCE, told=_waiting))
    answer: Answering = run_async(lambda: answering(settings))
    addresses = _addresses(settings, answer)
    shown = _views(answer)
    if as_json and answer.error is None:
        print_json(addresses | {"ui_views": shown, "workflows": _workflows(settings)})
    if not as_json:
        for name, value in addresses.items():
            typer.echo(f"{name:<18}{value or _ABSENT.get(name, '-')}")
        for name, address in shown.items():
            typer.echo(f"{f'ui_{name}':<18}{address}")
        _print_workflows(settings)
    if answer.error is not None:
        raise answer.error


def print_env(settings: Settings) -> None:
    """Print what a shell evaluates to reach the servers with any tool; raise ``SpineError`` where one is away."""
    answer: Answering = run_async(lambda: answering(settings))
    if answer.temporal is None or answer.postgres is None:
        assert answer.error is not None  # noqa: S101 - what is away has its error
        raise answer.error
    for name, value in (
        ("TEMPORAL_ADDRESS", answer.temporal.temporal_address),
        ("TEMPORAL_NAMESPACE", answer.temporal.namespace),
        ("SPINE_DATABASE_URL", answer.postgres.database_url),
    ):
        typer.echo(f"export {name}={shlex.quote(value)}")


def _addresses(settings: Settings, answer: Answering) -> dict[str, str | None]:
    temporal, postgres = answer.temporal, answer.postgres
    home = settings.home.absolute()
    return {
        "temporal_address": temporal.temporal_address if temporal else None,
        "namespace": temporal.namespace if temporal else None,
        "task_queue": settings.task_queue,
        "ui_url": temporal.ui_url if temporal else None,
        "database_url": shown_url(postgres.database_url) if postgres else None,
        "project": str(settings.project) if settings.project else None,
        "home": str(home) if home.is_dir() else f"{home} (none yet)",
    }


def _views(answer: Answering) -> dict[str, str]:
    """Return where the Web UI lists what an operator looks for; nothing where the Web UI is not known."""
    temporal = answer.temporal
    ui = ui_of(temporal) if temporal else None
    return views(ui, temporal.namespace) if temporal and ui else {}


def _workflows(settings: Settings) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "source": f"{source.module}.{source.attribute}",
            "description": workflow.description,
            "tags": list(workflow.tags),
        }
        for name, (workflow, source) in sorted(definitions(settings).workflows.items())
    ]


def _print_workflows(settings: Settings) -> None:
    found = _workflows(settings)
    for workflow in found:
        tags = f" [{', '.join(workflow['tags'])}]" if workflow["tags"] else ""
        told = f"{workflow['name']}  ({workflow['source']}){tags} {workflow['description']}"
        typer.echo(f"{'workflow':<18}{told}".rstrip())
    if not found:
        typer.echo(f"{'workflow':<18}{NO_WORKFLOWS}")


def _waiting(problem: str) -> None:
    typer.echo(f"waiting: {problem}", err=True)

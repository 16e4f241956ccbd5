"""``spine-temporal info``."""

import typer

from spine_temporal.cli.printing import print_json
from spine_temporal.client.servers import configured_temporal
from spine_temporal.embedded.state import remembered_servers
from spine_temporal.runtime.definitions import load_definitions
from spine_temporal.settings import Settings


def print_info(settings: Settings, *, as_json: bool) -> None:
    """Print the addresses; embedded servers that were never started have none yet."""
    profile = configured_temporal()
    embedded = remembered_servers(settings.home)
    addresses = {
        "temporal_address": profile.address if profile else embedded.temporal_address,
        "namespace": (profile.namespace if profile else None) or "default",
        "task_queue": settings.task_queue,
        "ui_url": None if profile else embedded.ui_url,
        "database_url": settings.database_url or embedded.database_url,
        "home": str(settings.home.absolute()),
    }
    if as_json:
        print_json(addresses)
        return
    for name, value in addresses.items():
        typer.echo(f"{name:<18}{value or '- (not started yet)'}")
    for name, (workflow, source) in sorted(load_definitions(settings.modules).workflows.items()):
        typer.echo(f"{'workflow':<18}{name}  ({source.module}.{source.attribute}) {workflow.description}".rstrip())

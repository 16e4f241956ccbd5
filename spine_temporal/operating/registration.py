"""The product's own workflows and their activities, which a service's worker runs beside the service's."""

from collections.abc import Callable
from typing import Any

from temporalio.client import Client

from spine_temporal.recording.database import Database
from spine_temporal.runtime.definitions import Definitions
from spine_temporal.settings import Settings


def operating_workflows() -> list[type]:
    """Return the workflow classes."""
    return []


def operating_activities(
    _client: Client, _database: Database, _definitions: Definitions, _settings: Settings
) -> list[Callable[..., Any]]:
    """Return the activities, bound to what a worker has."""
    return []

"""The one place that reads the environment: every ``SPINE_`` variable, typed."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

#: Prefix of every variable that belongs to this program.
PREFIX = "SPINE_"


class Settings(BaseModel):
    """How this process finds its servers and its modules.

    Temporal is configured by the standard ``TEMPORAL_*`` variables and ``temporal.toml`` profiles; where neither is
    set, and where ``SPINE_DATABASE_URL`` is not, the embedded server is used.
    """

    model_config = ConfigDict(frozen=True)

    #: Holds the embedded servers' data and sockets.
    home: Path = Path(".spine")
    #: Postgres, as ``postgresql://...``; None for the embedded one.
    database_url: str | None = None
    #: Schema of the tables; None for the connection's own search_path.
    database_schema: str | None = None
    #: Task queue of the service's workers.
    task_queue: str = "spine"
    #: Packages that are loaded with everything below them; one that does not exist is left out unless it was named.
    modules: tuple[str, ...] = ("activities", "workflows")
    #: How many activities one worker runs at once; each has a thread and a connection.
    max_activities: int = 20
    #: Seconds that running pipelines get to finish after the first signal, before they are handed back.
    grace: float = 20
    #: Where a worker answers /livez, /readyz and /metrics, as ``host:port``; None: nowhere.
    health_address: str | None = None
    #: The worker's deployment in Temporal's Worker Versioning, and its build; runs stay on the build they began with.
    deployment_name: str | None = None
    build_id: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read ``SPINE_*``; a variable that is set to nothing counts as not set."""
        environ = os.environ if environ is None else environ
        values: dict[str, object] = {}
        for field in cls.model_fields:
            text = environ.get(PREFIX + field.upper(), "").strip()
            if text:
                values[field] = tuple(text.replace(",", " ").split()) if field == "modules" else text
        return cls.model_validate(values)

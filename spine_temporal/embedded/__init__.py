"""Real servers without an installation: Temporal with its Web UI, and Postgres, as processes of their own."""

from spine_temporal.embedded.errors import EmbeddedError
from spine_temporal.embedded.locks import servers_lock_held, worker_lock, worker_lock_held
from spine_temporal.embedded.servers import embedded_servers
from spine_temporal.embedded.state import ServerState, remembered_servers, running_servers

__all__ = [
    "EmbeddedError",
    "ServerState",
    "embedded_servers",
    "remembered_servers",
    "running_servers",
    "servers_lock_held",
    "worker_lock",
    "worker_lock_held",
]

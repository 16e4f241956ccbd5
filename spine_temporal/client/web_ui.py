"""Where Temporal's Web UI shows a run."""

from urllib.parse import quote

from spine_temporal.client.servers import Servers

_CLOUD = ".tmprl.cloud"


def ui_of(servers: Servers) -> str | None:
    """Return the Web UI's own address: the embedded one's, or Temporal Cloud's; None where it is not known."""
    if servers.ui_url:
        return servers.ui_url
    host = servers.temporal_address.rpartition(":")[0]
    return "https://cloud.temporal.io" if host.endswith((_CLOUD, ".temporal.io")) else None


def run_url(ui: str, namespace: str, workflow_id: str, run_id: str | None = None) -> str:
    """Return the address of a run; without a run id, of the newest one of the workflow id."""
    address = f"{ui.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"
    return f"{address}/{run_id}/history" if run_id else address

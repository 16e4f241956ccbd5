"""Where Temporal's Web UI shows a run, and the lists that an operator looks at."""

from urllib.parse import quote

from spine_temporal.client.servers import Servers
from spine_temporal.definition.run_result import StepStatus
from spine_temporal.operating.backfill.messages import BACKFILL
from spine_temporal.translation.search_attributes import OUTCOME

_CLOUD = ".tmprl.cloud"
#: What Temporal's lists are asked for.
_VIEWS = {
    "held": f'{OUTCOME.name}="{StepStatus.HELD}"',
    "failed": 'ExecutionStatus="Failed"',
    "backfills": f'WorkflowType="{BACKFILL}"',
}


def ui_of(servers: Servers) -> str | None:
    """Return the Web UI's own address: the embedded one's, or Temporal Cloud's; None where it is not known."""
    if servers.ui_url:
        return servers.ui_url
    host = servers.temporal_address.rpartition(":")[0]
    return "https://cloud.temporal.io" if host.endswith((_CLOUD, ".temporal.io")) else None


def views(ui: str, namespace: str) -> dict[str, str]:
    """Return the addresses of lists that an operator keeps as saved views, by what they show."""
    runs = f"{ui.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows?query="
    return {name: runs + quote(query, safe="") for name, query in _VIEWS.items()}


def run_url(ui: str, namespace: str, workflow_id: str, run_id: str | None = None) -> str:
    """Return the address of a run; without a run id, of the newest one of the workflow id."""
    address = f"{ui.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows/{quote(workflow_id, safe='')}"
    return f"{address}/{run_id}/history" if run_id else address

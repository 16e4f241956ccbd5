"""What people should have been told, by what Postgres knows, against the outbox and against what has arrived."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import psycopg

#: What must be told, each once; and what is told.
_DUE = """
    SELECT 'failed ' || anomaly_id FROM core_anomalies WHERE category IN ('WORKFLOW_FAILURE', 'STEP_FAILURE')
    UNION ALL SELECT 'held ' || anomaly_id FROM core_anomalies WHERE category = 'GATE_HELD'
    UNION ALL SELECT 'decided ' || run_id || step || round FROM core_decisions WHERE is_final
    UNION ALL SELECT DISTINCT 'recovered ' || resolved_by FROM core_anomalies
        WHERE resolved_by IN (SELECT run_id FROM core_runs WHERE status = 'COMPLETED')
"""
_TOLD = """
    SELECT kind || ' ' || CASE kind WHEN 'recovered' THEN run_id
        WHEN 'decided' THEN run_id || step || '0'
        ELSE coalesce(anomaly_id, notification_id)::text END
    FROM core_outbox
"""
#: Runs that have failed, and of which nothing is known to be told.
_SILENT = """
    SELECT run_id FROM core_runs AS runs WHERE status = 'FAILED' AND NOT EXISTS (
        SELECT FROM core_anomalies WHERE metadata ->> 'run_id' = runs.run_id AND category = 'WORKFLOW_FAILURE'
    )
"""


#: By notification, what is known of its way.
_SENT = """
    SELECT notification_id, concat_ws(', ', kind, 'created ' || told.created_at, 'routed ' || routed_at, (
        SELECT string_agg(concat_ws(', ', status, attempts || ' attempts', error, 'ended ' || ended_at), '; ')
        FROM core_deliveries AS sent WHERE sent.notification_id = told.notification_id
    )) FROM core_outbox AS told
"""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A message that has come: its idempotency key, and the ids of the notifications in it."""

    key: str
    ids: tuple[str, ...]


def discrepancies(url: str, arrived: Iterable[Arrived]) -> list[str]:
    """Return what was lost, told without cause, enqueued twice, or has not arrived, each as a sentence."""
    with psycopg.connect(url) as connection:
        due, told = (Counter(name for (name,) in connection.execute(query)) for query in (_DUE, _TOLD))
        silent = [run_id for (run_id,) in connection.execute(_SILENT)]
        sent = {str(one): how for one, how in connection.execute(_SENT)}
    found = [f"lost: {name}" for name in (due - told).elements()]
    found += [f"without cause, or twice: {name}" for name in (told - due).elements()]
    found += [f"lost: the anomaly of run {run_id}" for run_id in silent]
    keys = defaultdict(set)
    for message in arrived:
        for each in message.ids:
            keys[each].add(message.key)
    found += [f"not arrived: {each}, {how}" for each, how in sent.items() if each not in keys]
    found += [f"arrived, and not in the outbox: {each}" for each in keys.keys() - sent.keys()]
    return found + [f"under two keys: {each}" for each, of in keys.items() if len(of) > 1]

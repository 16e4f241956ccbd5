"""Which keys the outputs of pipelines have had, for ``check``."""

from collections import defaultdict

from sqlalchemy import Connection, text

#: How many executions are looked at, the newest.
NEWEST = 10_000

_KEYS = text("""
    SELECT DISTINCT pipeline, jsonb_object_keys(output) AS key FROM (
        SELECT pipeline, output FROM core_executions WHERE jsonb_typeof(output) = 'object'
        ORDER BY started_at DESC LIMIT :newest
    ) AS executions
""")


def recorded_keys(connection: Connection) -> dict[str, frozenset[str]]:
    """Return the keys that each pipeline has given, by its name, as far as its newest executions show them."""
    keys: dict[str, set[str]] = defaultdict(set)
    for pipeline, key in connection.execute(_KEYS, {"newest": NEWEST}):
        keys[pipeline].add(key)
    return {pipeline: frozenset(each) for pipeline, each in keys.items()}

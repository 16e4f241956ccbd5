"""Which keys pipelines have given, as their executions have it."""

import json

from sqlalchemy import text

from spine_temporal.recording.recorded_outputs import recorded_keys

_INSERT = text("""
    INSERT INTO core_executions
        (execution_id, run_id, workflow, step, pipeline, params, status, attempt, started_at, output)
    VALUES (gen_random_uuid(), 'a-run', 'shop.daily', 'a', :pipeline, '{}', :status, 1, now(), CAST(:output AS jsonb))
""")


def test_the_keys_of_a_pipeline_are_those_of_all_its_outputs(connection):
    for pipeline, output in [
        ("shop.ingest", {"row_count": 1, "days": []}),
        ("shop.ingest", {"row_count": 2, "errors": {"a": 1}}),
        ("shop.publish", {}),
        ("shop.load", None),
    ]:
        values = {"pipeline": pipeline, "status": "FAILED" if output is None else "COMPLETED"}
        connection.execute(_INSERT, values | {"output": None if output is None else json.dumps(output)})
    assert recorded_keys(connection) == {"shop.ingest": {"row_count", "days", "errors"}}

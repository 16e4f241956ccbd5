"""Requests to resume an ended run: one at a time, with an owner and an expiry, taken up by the reset that it names."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

# A run is resumed by one at a time: a request that was not taken up in time may be replaced.
_REQUEST = text("""
    UPDATE core_runs SET resume_request = jsonb_build_object(
        'id', CAST(:request_id AS text), 'by', CAST(:by AS text), 'options', CAST(:options AS jsonb), 'at', now(),
        'expires_at', now() + CAST(:patience AS interval))
    WHERE run_id = :run_id AND (
        resume_request IS NULL OR (
            NOT resume_request ? 'taken_by' AND CAST(resume_request ->> 'expires_at' AS timestamptz) < now()
        ) OR NOT resume_request ? 'id' OR (
            NOT resume_request ? 'taken_by'
            AND resume_request ->> 'id' IN (CAST(:replaces AS text), CAST(:request_id AS text))
        )
    )
    RETURNING run_id
""")

_WITHDRAW = text("""
    UPDATE core_runs SET resume_request = NULL
    WHERE run_id = :run_id AND resume_request ->> 'id' = :request_id AND NOT resume_request ? 'taken_by'
""")

# A run that took it and was reset itself is gone: the next one of the same chain of resets takes it again.
_TAKE = text("""
    UPDATE core_runs SET resume_request = resume_request || jsonb_build_object('taken_by', CAST(:taken_by AS text))
    WHERE run_id = :run_id AND resume_request ->> 'id' = :request_id AND (
        NOT resume_request ? 'taken_by' OR resume_request ->> 'taken_by' = :taken_by
        OR resume_request ->> 'taken_by' IN (SELECT run_id FROM core_runs WHERE first_run_id = :first_run_id)
    )
    RETURNING run_id
""")

_REQUESTED = text("""
    SELECT run_id, resume_request -> 'options' AS options FROM core_runs
    WHERE workflow_id = :workflow_id AND resume_request ->> 'id' = :request_id
""")


def request_resume(
    connection: Connection,
    run_id: str,
    *,
    request_id: str,
    by: str,
    options: Mapping[str, Any],
    patience: float,
    replaces: str | None = None,
) -> bool:
    """Record that the ended run is being resumed, for ``patience`` seconds; False if another person is doing it.

    ``replaces``: a request that nobody can take up any more. A request that is made again stays the same one.
    """
    values: dict[str, Any] = {"run_id": run_id, "request_id": request_id, "by": by, "options": json.dumps(options)}
    values |= {"patience": f"{patience:g} seconds", "replaces": replaces}
    return connection.execute(_REQUEST, values).scalar() is not None


def withdraw_resume(connection: Connection, run_id: str, request_id: str) -> None:
    """Forget a request that nobody has taken up."""
    connection.execute(_WITHDRAW, {"run_id": run_id, "request_id": request_id})


def take_resume(connection: Connection, run_id: str, request_id: str, *, taken_by: str, first_run_id: str) -> bool:
    """Say which run goes on from the ended one; False where the request is another's by now."""
    values = {"run_id": run_id, "request_id": request_id, "taken_by": taken_by, "first_run_id": first_run_id}
    return connection.execute(_TAKE, values).scalar() is not None


def requested_resume(connection: Connection, workflow_id: str, request_id: str) -> Mapping[str, Any] | None:
    """Return the options of a request; None where it has expired and was replaced, or was withdrawn."""
    values = {"workflow_id": workflow_id, "request_id": request_id}
    row = connection.execute(_REQUESTED, values).mappings().one_or_none()
    return None if row is None else dict(row["options"])

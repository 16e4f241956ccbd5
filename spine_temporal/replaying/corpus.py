"""Which runs of a namespace stand for those in flight: the open ones, and the last that have ended."""

from collections.abc import AsyncIterator, Iterable

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.client.descriptions import listed_executions
from spine_temporal.definition.errors import ParamsError
from spine_temporal.operating.registration import operating_types
from spine_temporal.replaying.histories import History
from spine_temporal.translation.messages import MAP
from spine_temporal.translation.search_attributes import DOMAIN

#: Open runs that are replayed at most.
MOST_OPEN = 10_000
_IS_OPEN = 'ExecutionStatus IN ("Running", "Paused")'


async def open_and_recent(client: Client, workflows: Iterable[str], *, last: int) -> AsyncIterator[History]:
    """Yield the histories of all open runs of ours, then of the ``last`` that have ended, newest first.

    Of the product's own workflows, only the open ones: deadlines are judged every few minutes, and what has ended of
    that would leave no room for runs.
    """
    ours = await _ours(client, workflows)
    open_ones = f"{_IS_OPEN} AND ({ours} OR {_is_of(operating_types())})"
    async for history in matching(client, open_ones, last=MOST_OPEN):
        yield history
    if last:
        async for history in matching(client, f"NOT ({_IS_OPEN}) AND {ours}", last=last):
            yield history


async def matching(client: Client, query: str, *, last: int) -> AsyncIterator[History]:
    """Yield the histories of the newest runs that a query of Temporal's list finds; of those that are still there.

    Raises ``ParamsError`` for a query that Temporal refuses.
    """
    try:
        async for run in listed_executions(client, query, limit=last):
            history = await _fetched(client, run)
            if history is not None:
                yield history
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise ParamsError(f"Temporal refuses the query {query!r}: {error.message}") from None
        raise


async def _fetched(client: Client, run: WorkflowExecution) -> History | None:
    try:
        events = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return History(name=run.id, events=events)


async def _ours(client: Client, workflows: Iterable[str]) -> str:
    """Return the part of a query that finds runs of ours, also of workflows that the code has no more."""
    by_name, by_domain = _is_of([*workflows, MAP]), f"{DOMAIN.name} IS NOT NULL"
    try:
        await client.count_workflows(by_domain)
    except RPCError:  # the namespace has no run that has told its domain
        return by_name
    return f"({by_name} OR {by_domain})"


def _is_of(types: Iterable[str]) -> str:
    """Return the part of a query that finds workflows of these types."""
    names = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}'" for name in types)
    return f"WorkflowType IN ({names})"

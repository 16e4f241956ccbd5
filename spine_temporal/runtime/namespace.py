"""Whether a Temporal namespace has our search attributes."""

import asyncio
import logging
import time
from collections.abc import Iterable
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from spine_temporal.translation.search_attributes import OF_EVERY_RUN, SEARCH_ATTRIBUTES

_log = logging.getLogger(__name__)

_TYPES = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "KeywordList": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}
#: What Temporal gets to answer: the begin of a run waits for it.
_PATIENCE = timedelta(seconds=2)
#: Seconds after which a namespace that lacks them, or does not let us ask, is asked again: somebody may add them. What
#: was added is listed at once, and known to every host of a cluster within that time.
_AGAIN = 60.0
_REFUSED = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED}


class NamespaceAttributes:
    """Knows which of our search attributes the namespace has; a run may set them only where it has.

    Asks until it has all: an error that passes is no answer, and the next run that begins asks again.
    """

    def __init__(self, client: Client, *, add: bool = False) -> None:
        """With ``add``, add them where the namespace lacks them and lets us."""
        self._client = client
        self._add = add
        #: Those that it lacks, as far as it can be told.
        self._lacks = frozenset(SEARCH_ATTRIBUTES)
        self._not_before = 0.0
        self._told = False
        self._asking = asyncio.Lock()

    async def known(self) -> bool:
        """Return whether it has those that each run sets, as far as it can be told now."""
        return not OF_EVERY_RUN & await self._lacking()

    async def has(self, name: str) -> bool:
        """Return whether it has this one of ours, as far as it can be told now."""
        return name not in await self._lacking()

    async def _lacking(self) -> frozenset[str]:
        if self._is_to_ask():
            async with self._asking:
                if self._is_to_ask():
                    await self._ask()
        return self._lacks

    def _is_to_ask(self) -> bool:
        return bool(self._lacks) and time.monotonic() >= self._not_before

    async def _ask(self) -> None:
        try:
            self._lacks = await self._missing()
            if self._lacks and self._add:
                await self._add_to_namespace(self._lacks)
                self._lacks = frozenset()
        except RPCError as error:
            self._failed(error)
            return
        if self._lacks:
            self._not_before = time.monotonic() + _AGAIN

    def _failed(self, error: RPCError) -> None:
        if error.status in _REFUSED:
            self._not_before = time.monotonic() + _AGAIN
        if not self._told:
            self._told = True
            names = ", ".join(sorted(self._lacks))
            _log.warning("runs that begin now are in no list by %s, as these cannot be had: %s", names, error)

    async def _missing(self) -> frozenset[str]:
        known = await self._client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=self._client.namespace), timeout=_PATIENCE
        )
        return frozenset(SEARCH_ATTRIBUTES) - set(known.custom_attributes)

    async def _add_to_namespace(self, names: Iterable[str]) -> None:
        added = {name: _TYPES[SEARCH_ATTRIBUTES[name]] for name in names}
        await self._client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=self._client.namespace, search_attributes=added), timeout=_PATIENCE
        )

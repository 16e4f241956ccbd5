"""The search attributes of a run: what a list of runs can be filtered by in Temporal."""

from collections.abc import Mapping
from typing import Any

from temporalio import workflow as temporal
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from spine_temporal.definition.params import canonical
from spine_temporal.definition.run_result import StepStatus

DOMAIN = SearchAttributeKey.for_keyword("SpineDomain")
PARTITION = SearchAttributeKey.for_keyword_list("SpinePartition")
#: A run's status, or its failure's category.
OUTCOME = SearchAttributeKey.for_keyword("SpineOutcome")
VERSION = SearchAttributeKey.for_keyword("SpineVersion")
#: The backfill that has started the run.
BACKFILL = SearchAttributeKey.for_keyword("SpineBackfill")
#: Those that each run sets.
OF_EVERY_RUN = frozenset({DOMAIN.name, PARTITION.name, OUTCOME.name, VERSION.name})

#: Names and Temporal types, as a namespace registers them.
SEARCH_ATTRIBUTES = {
    DOMAIN.name: "Keyword",
    PARTITION.name: "KeywordList",
    OUTCOME.name: "Keyword",
    VERSION.name: "Keyword",
    BACKFILL.name: "Keyword",
}

_LONGEST = 200
_HELD = StepStatus.HELD.value


class ShownOutcome:
    """What lists of runs show of a run's outcome, where its namespace has the attribute."""

    def __init__(self) -> None:
        self._is_known = self._is_held = False

    def begin(self, *, is_known: bool) -> None:
        """Note whether the namespace has the attributes."""
        self._is_known = is_known

    def show(self, outcome: str) -> None:
        """Show how the run has ended."""
        self.upsert([OUTCOME.value_set(outcome)])

    def show_held(self, *, is_held: bool) -> None:
        """Show whether the run waits for a person."""
        if is_held is not self._is_held:
            self._is_held = is_held
            self.upsert([OUTCOME.value_set(_HELD) if is_held else OUTCOME.value_unset()])

    def upsert(self, updates: list[SearchAttributeUpdate[Any]]) -> None:
        """Set attributes."""
        if self._is_known:
            temporal.upsert_search_attributes(updates)


def of_run(domain: str, partition: Mapping[str, Any], version: int) -> TypedSearchAttributes:
    """Return what is known of a run when it starts."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(DOMAIN, domain[:_LONGEST]),
            SearchAttributePair(PARTITION, keywords(partition)),
            SearchAttributePair(VERSION, str(version)),
        ]
    )


def updates_of(attributes: TypedSearchAttributes) -> list[SearchAttributeUpdate[Any]]:
    """Return the attributes as updates, for a run that was started without them."""
    return [pair.key.value_set(pair.value) for pair in attributes]


def keywords(partition: Mapping[str, Any]) -> list[str]:
    """Return a partition as ``key=value`` keywords."""
    return [
        f"{name}={value if isinstance(value, str) else canonical(value)}"[:_LONGEST]
        for name, value in partition.items()
    ]

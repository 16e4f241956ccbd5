"""The search attributes of a run: what a list of runs can be filtered by in Temporal."""

from collections.abc import Mapping
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from spine_temporal.definition.params import canonical

DOMAIN = SearchAttributeKey.for_keyword("SpineDomain")
PARTITION = SearchAttributeKey.for_keyword_list("SpinePartition")
#: A run's status, or its failure's category.
OUTCOME = SearchAttributeKey.for_keyword("SpineOutcome")
VERSION = SearchAttributeKey.for_keyword("SpineVersion")

#: Names and Temporal types, as a namespace registers them.
SEARCH_ATTRIBUTES = {
    DOMAIN.name: "Keyword",
    PARTITION.name: "KeywordList",
    OUTCOME.name: "Keyword",
    VERSION.name: "Keyword",
}

_LONGEST = 200


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

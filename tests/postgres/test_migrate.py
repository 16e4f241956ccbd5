"""A database is read by whoever knows the core's revisions, and upgraded only by who knows all that it has."""

import pytest
from sqlalchemy import text

from spine_temporal import SpineError
from spine_temporal.recording.migrate import require_current, upgrade

MODULES = ("activities", "workflows")


def test_it_is_current_also_where_the_modules_of_its_domains_are_not_loaded(database):
    require_current(database, MODULES)
    require_current(database)
    assert upgrade(database)


def test_an_older_one_is_told_and_one_of_unknown_modules_is_not_upgraded(database):
    with database.begin() as connection:
        connection.execute(text("DELETE FROM core_schema_versions WHERE version_num LIKE 'core%'"))
    with pytest.raises(SpineError, match="not up to date: run `spine-temporal db upgrade`"):
        require_current(database)
    with pytest.raises(SpineError, match=r"revisions finra_otc_\d+, which the loaded modules do not know: load"):
        upgrade(database)

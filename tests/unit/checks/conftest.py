import pytest

from spine_temporal.definition import pipeline
from tests.unit.checks.cases import register_shop


@pytest.fixture
def shop(monkeypatch):
    """Have the pipelines of the corpus registered, and no others."""
    monkeypatch.setattr(pipeline, "_PIPELINES", {})
    register_shop()

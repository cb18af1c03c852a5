"""What every test may ask for."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

pytest_plugins = ["tests.cast"]

COMMITTING = {"transactional_db", "live_server"}


@pytest.fixture(autouse=True)
def throttles_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that commits: Django empties the tables of models after it, and not the cache's."""
    yield
    marker = request.node.get_closest_marker("django_db")
    if COMMITTING & set(request.fixturenames) or (marker and marker.kwargs.get("transaction")):
        cache.clear()

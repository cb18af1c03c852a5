"""What every test may ask for."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.plugin.rooms import commits

pytest_plugins = ["tests.support.cast"]


@pytest.fixture(autouse=True)
def throttles_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that commits: Django empties the tables of models after it, and not the cache's."""
    yield
    if commits(request.node):
        cache.clear()

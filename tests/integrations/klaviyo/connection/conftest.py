"""The way back from Klaviyo: what a refusal leaves, and nobody waited for."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from integrations.klaviyo.connection import authorization
from integrations.klaviyo.models import Connection


@pytest.fixture
def nothing_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A callback that is asked for once more waits for none that is still being answered."""
    monkeypatch.setattr(authorization, "STILL_ON_ITS_WAY", timedelta(0))


@pytest.fixture
def nothing_is_stored() -> Iterator[None]:
    yield
    assert not Connection.objects.exists()

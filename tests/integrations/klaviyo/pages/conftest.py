"""Pages while a worker is there, as people nearly always see them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.klaviyo.models import Worker


@pytest.fixture(autouse=True)
def a_worker(db: None) -> Worker:
    """A worker that is seen for as long as the test takes."""
    return Worker.objects.create(name="a worker", seen_at=timezone.now() + timedelta(hours=1))

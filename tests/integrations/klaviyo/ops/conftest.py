"""Heartbeats, written as workers write them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from integrations.klaviyo.models import PeriodicJob, Worker

Beat = Callable[[str, float], None]


@pytest.fixture
def worker_beats(db: None) -> Beat:
    """A worker of this name was last heard of so many seconds ago."""

    def write(name: str, ago_s: float) -> None:
        Worker.objects.create(name=name, seen_at=Now() - timedelta(seconds=ago_s))

    return write


@pytest.fixture
def job_ran(db: None) -> Beat:
    """A periodic job of this name last ran so many seconds ago."""

    def write(name: str, ago_s: float) -> None:
        PeriodicJob.objects.create(name=name, last_ran_at=Now() - timedelta(seconds=ago_s))

    return write

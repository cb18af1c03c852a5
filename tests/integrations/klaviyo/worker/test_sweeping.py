"""The sweep goes on, whatever it meets."""

import logging

import pytest
from django.db import OperationalError
from pytest_django import Settings

from integrations.klaviyo.outbox import turns
from integrations.klaviyo.worker import sweeper as module
from integrations.klaviyo.worker.sweeper import Sweeper
from tests.support.klaviyo.processes import wait_until
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_database_that_is_away_is_one_line_in_the_log(
    scene: Scene,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.PERIODIC_TASKS = {}
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    looks = 0

    def away() -> list[object]:
        nonlocal looks
        looks += 1
        raise OperationalError

    monkeypatch.setattr(module, "with_work", away)
    scene.add(email="ana@example.com")
    scene.connect()
    sweeper = Sweeper()
    sweeper.start()
    try:
        wait_until(lambda: looks > 5)
        told = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
        assert told == ["no sweep for now"]

        monkeypatch.setattr(module, "with_work", turns.with_work)
        wait_until(lambda: scene.klaviyo.profiles())
    finally:
        sweeper.stop()

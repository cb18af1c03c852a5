"""Klaviyo down for many studios at once is one fact, found once and told once."""

import logging
import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.api.health import health
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.outbox import producer
from integrations.klaviyo.worker.sweeper import Sweeper
from studios.models import Membership, Role
from tests.support.cast import make_studio
from tests.support.klaviyo.processes import wait_until
from tests.support.klaviyo.scene import Scene, grant_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

STUDIOS = 40
LOOK_S = 6.0
CAUGHT_UP_WITHIN_S = 30.0


@pytest.fixture
def sweeper(settings: Settings) -> Iterator[Sweeper]:
    settings.PERIODIC_TASKS = {}
    sweeper = Sweeper()
    sweeper.start()
    yield sweeper
    sweeper.stop()


@pytest.fixture
def many(scene: Scene) -> None:
    """Studios with a client each, all of them synced."""
    for number in range(STUDIOS):
        account = f"ACC{number:03}"
        scene.klaviyo.open_account(account, account)
        studio = make_studio(f"Studio {number}", f"studio-{number}")
        Membership.objects.create(studio=studio, user=scene.olive, role=Role.OWNER)
        scene.add(studio, email="ana@example.com")
        grant = grant_of(scene.klaviyo, account)
        lifecycle.connect(studio, scene.olive, Account(account, account), grant)
    scene.work()


def edit_all() -> None:
    Client.objects.update(first_name="Anna")
    for client in Client.objects.all():
        producer.enqueue(client.studio_id, [client.pk])


@pytest.mark.parametrize("operation", ["*", "*profile*"])
@pytest.mark.usefixtures("many", "sweeper")
def test_while_klaviyo_is_down_one_request_knocks_for_all_and_then_all_catch_up(
    operation: str, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.klaviyo.fault("503", operation=operation)
    edit_all()
    wait_until(lambda: health.is_down)
    time.sleep(1)
    caplog.clear()

    came = len(scene.klaviyo.request_log())
    time.sleep(LOOK_S)
    assert len(scene.klaviyo.request_log()) - came <= LOOK_S
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []

    scene.klaviyo.clear_faults()
    began = time.monotonic()
    wait_until(lambda: not ClientSync.objects.unsettled().exists())
    assert time.monotonic() - began < CAUGHT_UP_WITHIN_S
    last = {one["account"]: one for one in scene.klaviyo.journal(operation="update_profile")}
    assert len(last) == STUDIOS
    told = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    assert told == ["Klaviyo answers again: everything that waited goes on"]

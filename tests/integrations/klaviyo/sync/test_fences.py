"""Fences: after the end of a connection no request starts, and none of its work counts."""

from collections.abc import Callable
from threading import Thread

import pytest
from django.db import connection as database
from django.db.models.functions import Now

from dev.klaviyo_sandbox.testing.client import STAN
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync, Connection, EndCause, Priority
from integrations.klaviyo.outbox import completion
from integrations.klaviyo.outbox.completion import Done
from integrations.klaviyo.sync import engine
from integrations.klaviyo.tasks import sync_studio
from studios.models import Studio
from tests.support.klaviyo.scene import Scene, claim, profile_id_of, row_of, time_passes

Ending = Callable[[Connection], object]
pytestmark = pytest.mark.django_db


def begin_disconnect(connection: Connection) -> None:
    lifecycle.begin_disconnect(connection, EndCause.OWNER)


def pause(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(paused_at=Now())


def suspend(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(suspended_at=Now())


@pytest.mark.parametrize("end", [begin_disconnect, pause, suspend])
def test_what_was_claimed_before_the_end_is_not_sent_after_it(end: Ending, scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    scene.change(ana, first_name="Anna")
    rows = claim(connection)
    before = len(scene.klaviyo.request_log())

    end(connection)
    engine.push_all(rows, Klaviyo(connection))

    assert len(scene.klaviyo.request_log()) == before
    assert row_of(ana).lease is None


def test_an_opt_out_claimed_before_the_fence_is_not_sent_after_it(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    scene.opt_out(ana)
    rows = claim(connection, Priority.OPT_OUT)

    begin_disconnect(connection)
    engine.suppress_all(rows, Klaviyo(connection))

    assert scene.klaviyo.suppressed() == set()


def test_a_disconnecting_connection_claims_nothing_and_gets_no_rows(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    scene.change(ana, first_name="Ana")

    begin_disconnect(connection)
    scene.change(ana, first_name="Anna")
    scene.add(email="bea@example.com")

    assert claim(connection) == []
    assert ClientSync.objects.get().desired_version == ClientSync.objects.get().synced_version + 1
    assert not engine.work_on(connection, engine.LIVE)


@pytest.mark.django_db(transaction=True)
def test_a_request_on_the_wire_at_the_fence_changes_nothing_here(
    scene: Scene, lotus: Studio
) -> None:
    connection = scene.sync()
    ana = scene.add(email="ana@example.com")
    scene.klaviyo.fault("delay", operation="create_profile", seconds=0.6)
    worker = Thread(target=run_and_close, args=[connection])
    worker.start()
    while not scene.klaviyo.request_log(operation="create_profile"):
        assert worker.is_alive()

    begin_disconnect(connection)
    engine.work_on(Connection.objects.get())
    assert Connection.objects.exists(), "who disconnects waits for the request"
    worker.join()

    assert len(scene.klaviyo.profiles()) == 1
    assert profile_id_of(ana) is None
    assert not row_of(ana).confirmed_address
    sync_studio(studio_id=lotus.pk)
    assert not Connection.objects.exists()
    assert not ClientSync.objects.exists()


def run_and_close(connection: Connection) -> None:
    try:
        engine.work_on(connection, engine.LIVE)
    finally:
        database.close()


@pytest.mark.django_db(transaction=True)
def test_work_of_an_old_connection_never_reaches_a_new_one(scene: Scene) -> None:
    """A worker sleeps through a disconnect and a connect to another account."""
    ana = scene.add(first_name="Ana", email="ana@example.com")
    old = scene.sync()
    old_id = profile_id_of(ana)
    scene.change(ana, first_name="Anna")
    (row,) = claim(old)
    api = Klaviyo(old)

    begin_disconnect(old)
    time_passes(16)
    engine.work_on(Connection.objects.get())
    assert profile_id_of(ana) is None
    new = scene.sync(account=STAN.id)
    seen = scene.last_entry()
    arrived = len(scene.klaviyo.request_log())
    engine.push_all([row], api)

    assert len(scene.klaviyo.request_log()) == arrived
    assert scene.writes(seen) == []
    assert not completion.complete([Done(row)])
    assert row_of(ana).connection == new
    assert profile_id_of(ana) not in (None, old_id)


def test_a_new_connection_begins_with_nothing_of_the_old_one(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    old = scene.sync()
    scene.change(ana, phone="")

    begin_disconnect(old)
    engine.work_on(Connection.objects.get())
    scene.sync(account=STAN.id)

    (entry,) = [one for one in scene.writes() if one["account"] == STAN.id]
    assert entry["operation"] == "create_profile"
    assert "phone_number" not in entry["attributes"]

"""Fences: after the end of a connection no request starts, and none of its work counts."""

from collections.abc import Callable
from threading import Thread

import pytest
from django.db import connection as database
from django.db.models.functions import Now

from integrations.klaviyo import connections, outbox, sweep, sync
from integrations.klaviyo.api import Klaviyo
from integrations.klaviyo.models import ClientSync, Connection, EndCause, Priority
from integrations.klaviyo.tasks import sync_studio
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Studio
from tests.klaviyo.conftest import STAN, AddClient, Connect
from tests.klaviyo.scenes import (
    change,
    claim,
    last_entry,
    opt_out,
    profile_id_of,
    row_of,
    time_passes,
    writes,
)

Work = Callable[[], None]
Ending = Callable[[Connection], object]
pytestmark = pytest.mark.django_db


def fence(connection: Connection) -> None:
    connections.fence(connection, EndCause.OWNER)


def pause(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(paused_at=Now())


def refuse(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(refused_at=Now())


@pytest.mark.parametrize("end", [fence, pause, refuse])
def test_what_was_claimed_before_the_end_is_not_sent_after_it(
    end: Ending, sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()
    work()
    change(ana, first_name="Anna")
    rows = claim(connection)
    before = len(sandbox.arrivals())

    end(connection)
    sync._push(rows, Klaviyo(connection))

    assert len(sandbox.arrivals()) == before
    assert row_of(ana).lease is None


def test_an_opt_out_claimed_before_the_fence_is_not_sent_after_it(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connection = connect()
    work()
    opt_out(ana)
    rows = claim(connection, Priority.OPT_OUT)

    fence(connection)
    sync._suppress(rows, Klaviyo(connection))

    assert sandbox.suppressed() == set()


def test_a_fenced_connection_claims_nothing_and_gets_no_marks(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connection = connect()
    work()
    change(ana, first_name="Ana")

    fence(connection)
    change(ana, first_name="Anna")
    add(email="bea@example.com")

    assert claim(connection) == []
    assert ClientSync.objects.get().wanted == ClientSync.objects.get().done + 1
    assert not sync.run(connection, sync.LIVE_LANE)


@pytest.mark.django_db(transaction=True)
def test_a_request_on_the_wire_at_the_fence_changes_nothing_here(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work, lotus: Studio
) -> None:
    connection = connect()
    work()
    ana = add(email="ana@example.com")
    sandbox.fault("delay", operation="create_profile", seconds=0.6)
    worker = Thread(target=run_and_close, args=[connection])
    worker.start()
    while not sandbox.arrivals(operation="create_profile"):
        assert worker.is_alive()

    fence(connection)
    sweep.turn(Connection.objects.get())
    assert Connection.objects.exists(), "who disconnects waits for the request"
    worker.join()

    assert len(sandbox.profiles()) == 1
    assert profile_id_of(ana) is None
    assert not row_of(ana).pushed_at
    sync_studio(studio_id=lotus.pk)
    assert not Connection.objects.exists()
    assert not ClientSync.objects.exists()


def run_and_close(connection: Connection) -> None:
    try:
        sync.run(connection, sync.LIVE_LANE)
    finally:
        database.close()


@pytest.mark.django_db(transaction=True)
def test_work_of_an_old_connection_never_reaches_a_new_one(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """A worker sleeps through a disconnect and a connect to another account."""
    ana = add(first_name="Ana", email="ana@example.com")
    old = connect()
    work()
    old_id = profile_id_of(ana)
    change(ana, first_name="Anna")
    (row,) = claim(old)
    api = Klaviyo(old)

    fence(old)
    time_passes(16)
    sweep.turn(Connection.objects.get())
    assert profile_id_of(ana) is None
    new = connect(account=STAN.id)
    work()
    seen = last_entry(sandbox)
    arrived = len(sandbox.arrivals())
    sync._push([row], api)

    assert len(sandbox.arrivals()) == arrived
    assert writes(sandbox, seen) == []
    assert not outbox.complete(row)
    assert row_of(ana).connection == new
    assert profile_id_of(ana) not in (None, old_id)


def test_a_new_connection_begins_with_nothing_of_the_old_one(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com", phone="+4930123456")
    old = connect()
    work()
    change(ana, phone="")

    fence(old)
    sweep.turn(Connection.objects.get())
    connect(account=STAN.id)
    work()

    (entry,) = [one for one in writes(sandbox) if one["account"] == STAN.id]
    assert entry["operation"] == "create_profile"
    assert "phone_number" not in entry["attributes"]

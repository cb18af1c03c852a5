"""The end of a connection, with Klaviyo down, slow, or ending it by itself."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from integrations.klaviyo import (
    backfill,
    chores,
    connections,
    ending,
    notices,
    outbox,
    push,
    tokens,
)
from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.api import Klaviyo
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    Priority,
    RateBudget,
    SyncEvent,
)
from klaviyo_sandbox.testing import LOTUS, STAN, SandboxProcess
from studios.models import Studio, User
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.histories import (
    NAME,
    assert_nothing_is_left,
    crash_at,
    in_background,
    leases_run_out,
    make_history,
)
from tests.klaviyo.processes import wait_until

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)

Work = Callable[[], None]


# --- Klaviyo, while we disconnect -----------------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "html_200", "reset_before", "429", "challenge"])
def test_with_klaviyo_down_everything_is_deleted_all_the_same_and_said_to_be_unconfirmed(
    fault: str, sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connection, words = make_history(sandbox, connect, add, work)
    sandbox.fault(fault, operation="oauth_revoke")

    connections.fence(connection, EndCause.OWNER)
    work()

    assert_nothing_is_left(words)
    assert EndedConnection.objects.get().confirmed is False
    assert 2 <= len(sandbox.arrivals(operation="oauth_revoke")) <= 6


def test_a_revocation_that_succeeds_at_the_second_try_is_confirmed(
    sandbox: SandboxProcess, connect: Connect, work: Work
) -> None:
    connection = connect()
    sandbox.fault("503", operation="oauth_revoke", times=1)

    connections.fence(connection, EndCause.OWNER)
    work()

    assert EndedConnection.objects.get().confirmed is True
    assert sandbox.grants() == []


def test_with_nobody_listening_everything_is_deleted_all_the_same(
    sandbox: SandboxProcess, connect: Connect, work: Work, settings: Settings
) -> None:
    connection = connect()
    settings.KLAVIYO_API_URL = "http://127.0.0.1:9"

    connections.fence(connection, EndCause.OWNER)
    work()

    assert_nothing_is_left([LOTUS.id, NAME])
    assert EndedConnection.objects.get().confirmed is False


def test_a_token_that_no_key_opens_goes_as_well(
    sandbox: SandboxProcess, connect: Connect, work: Work, settings: Settings
) -> None:
    connection = connect()
    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS.replace("test:", "other:")

    connections.fence(connection, EndCause.OWNER)
    work()

    assert_nothing_is_left([LOTUS.id, connection.refresh_token])
    assert EndedConnection.objects.get().confirmed is False


@in_threads
def test_a_token_that_is_being_renewed_while_the_owner_disconnects_is_the_one_revoked(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    sandbox.configure(rotation="strict")
    connection = connect()
    sandbox.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(2) as pool:
        renewing = in_background(pool, partial(tokens.refresh, Connection.objects.get()))
        wait_until(lambda: sandbox.arrivals(operation="oauth_refresh"))
        connections.fence(connection, EndCause.OWNER)
        finishing = in_background(pool, partial(ending.finish, Connection.objects.get()))
        time.sleep(0.3)
        assert not finishing.done()
        sandbox.clear_faults()

        assert renewing.result(10)
        assert finishing.result(10)

    assert EndedConnection.objects.get().confirmed is True
    assert sandbox.grants() == []
    assert_nothing_is_left([LOTUS.id])
    with pytest.raises(tokens.Fenced):
        tokens.refresh(connection)


@in_threads
def test_a_renewal_that_hangs_keeps_no_owner_from_disconnecting_and_stores_nothing_later(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "DEADLINE_S", -1)  # so that a second is all it waits
    connection = connect()
    sandbox.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(1) as pool:
        renewing = in_background(pool, partial(tokens.refresh, Connection.objects.get()))
        wait_until(lambda: sandbox.arrivals(operation="oauth_refresh"))
        connections.fence(connection, EndCause.OWNER)

        assert ending.finish(Connection.objects.get())
        sandbox.clear_faults()
        with pytest.raises(Throttled):
            renewing.result(10)

    assert EndedConnection.objects.get().confirmed is True
    assert_nothing_is_left([LOTUS.id])


@in_threads
def test_nothing_of_the_old_account_is_written_into_the_next_connection(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    old = connect()
    while backfill.seed(old):
        pass
    (row,) = outbox.claim(old, Priority.BACKFILL, 8)
    sandbox.fault("hold", operation="create_profile", account=LOTUS.id)
    with ThreadPoolExecutor(1) as pool:
        pushing = in_background(pool, partial(push.push, row, Klaviyo(old)))
        wait_until(lambda: sandbox.arrivals(operation="create_profile"))
        connections.fence(old, EndCause.OWNER)
        leases_run_out()
        assert ending.finish(Connection.objects.get())
        new = connect(account=STAN.id)
        while backfill.seed(new):
            pass
        seen = len(sandbox.journal())

        sandbox.clear_faults()
        pushing.result(10)

    ana.refresh_from_db()
    assert ana.klaviyo_profile_id is None
    assert not SyncEvent.objects.exists()
    assert ClientSync.objects.get().exposed == {}
    work()
    ana.refresh_from_db()
    (profile,) = sandbox.profiles(STAN.id)
    assert ana.klaviyo_profile_id == profile["id"]
    (grant,) = sandbox.grants(STAN.id)
    assert {one["account"] for one in sandbox.journal()[seen:]} == {STAN.id}
    assert {one["grant"] for one in sandbox.journal(account=STAN.id)} == {grant["id"]}


# --- Uninstalled there ----------------------------------------------------------------------------


def test_a_silent_uninstall_is_heard_of_at_the_next_push_and_the_owners_are_told_once(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
    olive: User,
    lotus: Studio,
) -> None:
    connection, words = make_history(sandbox, connect, add, work)
    sandbox.uninstall(tell=False)
    RateBudget.objects.filter(connection=connection).delete()

    add(email="dora@example.com")
    work()
    chores.heartbeat()

    assert_nothing_is_left(words)
    ended = EndedConnection.objects.get()
    assert (ended.cause, ended.confirmed) == (EndCause.GRANT_DEAD, None)
    assert ended.owners_told_at
    (message,) = mail.outbox
    assert message.to == [olive.email]
    assert lotus.name in message.subject
    assert f"/s/{lotus.slug}/settings/integrations/" in message.body
    assert sandbox.arrivals(operation="oauth_revoke") == []


def test_the_heartbeat_hears_of_an_uninstall_nobody_told_of(
    sandbox: SandboxProcess, connect: Connect, work: Work
) -> None:
    connect()
    work()
    sandbox.uninstall(tell=False)
    Connection.objects.update(connected_at=timezone.now() - timedelta(days=1), refreshed_at=None)
    RateBudget.objects.all().delete()

    assert chores.heartbeat() == 1
    work()

    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD
    assert len(mail.outbox) == 1


def test_a_crash_before_the_mail_is_made_good_by_the_heartbeat(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    connections.fence(connection, EndCause.GRANT_DEAD)
    with monkeypatch.context() as patch:
        patch.setattr(notices, "tell_owners", crash_at(notices.tell_owners, after=False))
        with pytest.raises(RuntimeError):
            ending.finish(connection)

    chores.heartbeat()
    chores.heartbeat()

    assert len(mail.outbox) == 1

"""The end of a connection, with Klaviyo down, slow, or ending it by itself."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import LOTUS, STAN
from integrations.klaviyo.api import access_tokens
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.errors import DisconnectingError, ThrottledError
from integrations.klaviyo.connection import lifecycle, owner_emails, teardown
from integrations.klaviyo.models import (
    Connection,
    EndCause,
    EndedConnection,
    Exposure,
    Priority,
    RateLimit,
    SyncEvent,
)
from integrations.klaviyo.sync import backfill, engine
from integrations.klaviyo.worker import maintenance
from studios.models import Studio, User
from tests.support.klaviyo.histories import (
    NAME,
    assert_nothing_is_left,
    crash_at,
    in_background,
    leases_run_out,
    make_history,
)
from tests.support.klaviyo.processes import wait_until
from tests.support.klaviyo.scene import Scene, claim

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


# --- Klaviyo, while we disconnect -----------------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "html_200", "reset_before", "429", "challenge"])
def test_with_klaviyo_down_everything_is_deleted_all_the_same_and_said_to_be_unconfirmed(
    fault: str, scene: Scene
) -> None:
    connection, words = make_history(scene)
    scene.klaviyo.fault(fault, operation="oauth_revoke")

    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    scene.work()

    assert_nothing_is_left(words)
    assert EndedConnection.objects.get().confirmed is False
    assert 2 <= len(scene.klaviyo.request_log(operation="oauth_revoke")) <= 6


def test_a_revocation_that_succeeds_at_the_second_try_is_confirmed(scene: Scene) -> None:
    connection = scene.connect()
    scene.klaviyo.fault("503", operation="oauth_revoke", times=1)

    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    scene.work()

    assert EndedConnection.objects.get().confirmed is True
    assert scene.klaviyo.grants() == []


def test_with_nobody_listening_everything_is_deleted_all_the_same(
    scene: Scene, settings: Settings
) -> None:
    connection = scene.connect()
    settings.KLAVIYO_API_URL = "http://127.0.0.1:9"

    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    scene.work()

    assert_nothing_is_left([LOTUS.id, NAME])
    assert EndedConnection.objects.get().confirmed is False


def test_a_token_that_no_key_opens_goes_as_well(scene: Scene, settings: Settings) -> None:
    connection = scene.connect()
    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS.replace("test:", "other:")

    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    scene.work()

    assert_nothing_is_left([LOTUS.id, connection.refresh_token])
    assert EndedConnection.objects.get().confirmed is False


@in_threads
def test_a_token_that_is_being_renewed_while_the_owner_disconnects_is_the_one_revoked(
    scene: Scene,
) -> None:
    scene.klaviyo.configure(rotation="strict")
    connection = scene.connect()
    scene.klaviyo.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(2) as pool:
        renewing = in_background(pool, partial(access_tokens.refresh, Connection.objects.get()))
        wait_until(lambda: scene.klaviyo.request_log(operation="oauth_refresh"))
        lifecycle.begin_disconnect(connection, EndCause.OWNER)
        finishing = in_background(pool, partial(teardown.finish, Connection.objects.get()))
        time.sleep(0.3)
        assert not finishing.done()
        scene.klaviyo.clear_faults()

        assert renewing.result(10)
        assert finishing.result(10)

    assert EndedConnection.objects.get().confirmed is True
    assert scene.klaviyo.grants() == []
    assert_nothing_is_left([LOTUS.id])
    with pytest.raises(DisconnectingError):
        access_tokens.refresh(connection)


@in_threads
def test_a_renewal_that_hangs_keeps_no_owner_from_disconnecting_and_stores_nothing_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teardown, "DEADLINE_S", -1)  # so that a second is all it waits
    connection = scene.connect()
    scene.klaviyo.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(1) as pool:
        renewing = in_background(pool, partial(access_tokens.refresh, Connection.objects.get()))
        wait_until(lambda: scene.klaviyo.request_log(operation="oauth_refresh"))
        lifecycle.begin_disconnect(connection, EndCause.OWNER)

        assert teardown.finish(Connection.objects.get())
        scene.klaviyo.clear_faults()
        with pytest.raises(ThrottledError):
            renewing.result(10)

    assert EndedConnection.objects.get().confirmed is True
    assert_nothing_is_left([LOTUS.id])


@in_threads
def test_nothing_of_the_old_account_is_written_into_the_next_connection(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    old = scene.connect()
    while backfill.seed_chunk(old):
        pass
    (row,) = claim(old, Priority.BACKFILL)
    scene.klaviyo.fault("hold", operation="create_profile", account=LOTUS.id)
    with ThreadPoolExecutor(1) as pool:
        pushing = in_background(pool, partial(engine.push_all, [row], Klaviyo(old)))
        wait_until(lambda: scene.klaviyo.request_log(operation="create_profile"))
        lifecycle.begin_disconnect(old, EndCause.OWNER)
        leases_run_out()
        assert teardown.finish(Connection.objects.get())
        new = scene.connect(account=STAN.id)
        while backfill.seed_chunk(new):
            pass
        seen = len(scene.klaviyo.journal())

        scene.klaviyo.clear_faults()
        pushing.result(10)

    ana.refresh_from_db()
    assert ana.klaviyo_profile_id is None
    assert not SyncEvent.objects.exists()
    assert not Exposure.objects.exists()
    scene.work()
    ana.refresh_from_db()
    (profile,) = scene.klaviyo.profiles(STAN.id)
    assert ana.klaviyo_profile_id == profile["id"]
    (grant,) = scene.klaviyo.grants(STAN.id)
    assert {one["account"] for one in scene.klaviyo.journal()[seen:]} == {STAN.id}
    assert {one["grant"] for one in scene.klaviyo.journal(account=STAN.id)} == {grant["id"]}


# --- Uninstalled there ----------------------------------------------------------------------------


def test_a_silent_uninstall_is_heard_of_at_the_next_push_and_the_owners_are_told_once(
    scene: Scene, olive: User, lotus: Studio
) -> None:
    connection, words = make_history(scene)
    scene.klaviyo.uninstall(tell=False)
    RateLimit.objects.filter(connection=connection).delete()

    scene.add(email="dora@example.com")
    scene.work()
    maintenance.heartbeat()

    assert_nothing_is_left(words)
    ended = EndedConnection.objects.get()
    assert (ended.cause, ended.confirmed) == (EndCause.GRANT_DEAD, None)
    assert ended.owners_told_at
    (message,) = mail.outbox
    assert message.to == [olive.email]
    assert lotus.name in message.subject
    assert f"/s/{lotus.slug}/settings/integrations/" in message.body
    assert scene.klaviyo.request_log(operation="oauth_revoke") == []


def test_the_heartbeat_hears_of_an_uninstall_nobody_told_of(
    scene: Scene, synced: Connection
) -> None:
    scene.klaviyo.uninstall(tell=False)
    Connection.objects.update(connected_at=timezone.now() - timedelta(days=1), refreshed_at=None)
    RateLimit.objects.all().delete()

    assert maintenance.heartbeat() == 1
    scene.work()

    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD
    assert len(mail.outbox) == 1


def test_a_crash_before_the_mail_is_made_good_by_the_heartbeat(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = scene.connect()
    lifecycle.begin_disconnect(connection, EndCause.GRANT_DEAD)
    with monkeypatch.context() as patch:
        patch.setattr(owner_emails, "tell_owners", crash_at(owner_emails.tell_owners, after=False))
        with pytest.raises(RuntimeError):
            teardown.finish(connection)

    maintenance.heartbeat()
    maintenance.heartbeat()

    assert len(mail.outbox) == 1

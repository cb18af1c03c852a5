"""A connection begins whole or not at all, and its fence lets nothing through."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from unittest.mock import Mock

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ProtectedError
from django.db.models.functions import Now

from clients import consent
from clients.models import Client, ConsentSource
from dev.klaviyo_sandbox.testing.client import LOTUS, STAN, SandboxProcess
from integrations.klaviyo.api import access_tokens
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.connection.refusals import (
    AccountTakenError,
    AlreadyConnectedError,
    AnotherAccountError,
    UnknownAttemptError,
)
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    RateLimit,
)
from integrations.klaviyo.outbox import producer, turns
from integrations.klaviyo.reasons import Reason
from integrations.sealing import keyring
from studios.models import Studio, User
from studios.tenancy import lock_studio_shared
from tests.support.klaviyo.db_scan import rows_with
from tests.support.klaviyo.histories import NAME, in_background
from tests.support.klaviyo.scene import FOUR_SCOPES, Scene, grant_of
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


# --- Beginning ------------------------------------------------------------------------------------


def test_connecting_seals_the_token_into_its_row(scene: Scene) -> None:
    connection = scene.connect()

    (grant,) = scene.klaviyo.grants()
    assert connection.account_name == NAME
    assert connection.granted_scopes.split() == sorted(FOUR_SCOPES)
    token = keyring().open(connection.refresh_token, *connection.sealing_context)
    assert not rows_with(token)
    assert grant["account"] == connection.account_id


def test_only_an_owner_connects(
    sandbox: SandboxProcess, lotus: Studio, olive: User, fay: User
) -> None:
    with pytest.raises(PermissionDenied):
        lifecycle.connect(lotus, fay, Account(LOTUS.id, NAME), grant_of(sandbox))

    assert not Connection.objects.exists()


def test_a_studio_connects_once(scene: Scene) -> None:
    scene.connect()

    with pytest.raises(AlreadyConnectedError):
        scene.connect(account=STAN.id)

    assert Connection.objects.get().account_id == LOTUS.id


@in_threads
def test_two_tabs_that_come_back_at_once_make_one_connection(
    sandbox: SandboxProcess, lotus: Studio, olive: User
) -> None:
    def come_back() -> Connection:
        return lifecycle.connect(lotus, olive, Account(LOTUS.id, NAME), grant_of(sandbox))

    ends = at_once(*[come_back] * 4)

    assert sum(isinstance(end, Connection) for end in ends) == 1
    assert sum(isinstance(end, AlreadyConnectedError) for end in ends) == 3


@in_threads
def test_of_two_studios_with_one_account_one_connects_and_its_grant_lives(
    sandbox: SandboxProcess, lotus: Studio, olive: User, stans: Studio, stan: User
) -> None:
    account = Account(LOTUS.id, NAME)

    def come_back(studio: Studio, owner: User) -> Connection:
        return lifecycle.connect(studio, owner, account, grant_of(sandbox))

    ends = at_once(partial(come_back, lotus, olive), partial(come_back, stans, stan))

    assert sum(isinstance(end, AccountTakenError) for end in ends) == 1
    connection = Connection.objects.get()
    assert access_tokens.refresh(connection)
    assert sandbox.request_log(operation="oauth_revoke") == []


@in_threads
def test_connecting_waits_for_an_edit_under_way_and_then_seeds_it(
    scene: Scene, lotus: Studio
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_studio_shared(lotus.pk)
            Client.objects.create(studio=lotus, email="ana@example.com", email_opt_in=True)
            connecting = in_background(pool, scene.connect)
            time.sleep(0.3)
            assert not connecting.done()
        connecting.result(10)
    scene.work()

    assert scene.klaviyo.profile("ana@example.com")


@in_threads
def test_an_edit_that_came_after_connecting_began_sees_the_connection(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com", first_name="Ana")

    def edit() -> None:
        ana.first_name = "Anna"
        ana.save()

    at_once(scene.connect, edit)
    scene.work()

    profile = scene.klaviyo.profile("ana@example.com")
    assert profile
    assert profile["first_name"] == "Anna"


def test_connecting_again_forgets_how_the_last_one_ended(scene: Scene) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.UNINSTALLED)
    scene.work()
    assert EndedConnection.objects.get().asks_to_reconnect

    scene.connect()

    assert not EndedConnection.objects.exists()


# --- The second consent ---------------------------------------------------------------------------


def test_more_scopes_keep_the_connection_and_its_rows_and_drop_the_old_grant_unrevoked(
    scene: Scene, lotus: Studio, olive: User
) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync(scopes=FOUR_SCOPES[:3])

    lifecycle.add_scopes(lotus, olive, Account(LOTUS.id, NAME), grant_of(scene.klaviyo))

    after = Connection.objects.get()
    ana.refresh_from_db()
    assert after.pk == connection.pk
    assert after.may_suppress
    assert not connection.may_suppress
    assert ana.klaviyo_profile_id
    assert scene.klaviyo.request_log(operation="oauth_revoke") == []
    RateLimit.objects.all().delete()
    assert access_tokens.access_token(after)


def test_a_connected_studio_is_not_deleted(scene: Scene, lotus: Studio) -> None:
    scene.connect()

    with pytest.raises(ProtectedError):
        lotus.delete()


def test_more_scopes_send_the_waiting_opt_outs_first(
    scene: Scene, lotus: Studio, olive: User
) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync(scopes=FOUR_SCOPES[:3])
    consent.withdraw(ana, source=ConsentSource.STAFF)
    scene.work()
    assert ClientSync.objects.opt_outs_waiting().count() == 1
    RateLimit.objects.all().delete()

    lifecycle.add_scopes(lotus, olive, Account(LOTUS.id, NAME), grant_of(scene.klaviyo))
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.opt_outs_waiting().exists()


def test_more_scopes_hold_a_studio_for_a_few_waiting_opt_outs_at_a_time(
    scene: Scene, lotus: Studio, olive: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [scene.add(email=f"client{number}@example.com") for number in range(5)]
    connection = scene.sync(scopes=FOUR_SCOPES[:3])
    for client in clients:
        scene.opt_out(client)
    scene.work()
    monkeypatch.setattr(producer, "RETRIED_AT_ONCE", 2)

    lifecycle.add_scopes(lotus, olive, Account(LOTUS.id, NAME), grant_of(scene.klaviyo))
    assert ClientSync.objects.opt_outs_waiting().count() == 5
    connection.refresh_from_db()
    left = []
    while lifecycle.retry_opt_outs(connection):
        left.append(ClientSync.objects.opt_outs_waiting().count())
    scene.work()

    assert left == [3, 1, 0]
    assert scene.klaviyo.suppressed() == {client.email for client in clients}
    connection.refresh_from_db()
    assert not connection.retries_opt_outs


def test_more_scopes_of_another_account_change_nothing(
    scene: Scene, lotus: Studio, olive: User
) -> None:
    scene.connect(scopes=FOUR_SCOPES[:3])
    before = Connection.objects.values().get()

    with pytest.raises(AnotherAccountError):
        lifecycle.add_scopes(
            lotus, olive, Account(STAN.id, "Stan's"), grant_of(scene.klaviyo, STAN.id)
        )

    assert Connection.objects.values().get() == before


def test_a_disconnecting_connection_takes_no_more_scopes(
    scene: Scene, lotus: Studio, olive: User
) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.OWNER)

    with pytest.raises(UnknownAttemptError):
        lifecycle.add_scopes(lotus, olive, Account(LOTUS.id, NAME), grant_of(scene.klaviyo))


def test_a_new_grant_is_tried_whatever_klaviyo_refused_the_old_one(
    scene: Scene, lotus: Studio, olive: User
) -> None:
    lifecycle.suspend(scene.connect(), Reason.PERMISSION_MISSING)

    lifecycle.add_scopes(lotus, olive, Account(LOTUS.id, NAME), grant_of(scene.klaviyo))

    assert not Connection.objects.get().is_suspended


# --- Going on -------------------------------------------------------------------------------------


@in_threads
@pytest.mark.parametrize("go_on", [lifecycle.resume, lifecycle.retry_all])
def test_who_resumes_or_retries_is_never_forgotten_by_the_workers(
    go_on: Callable[[Studio], object], scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was held back and the wake-up for it come together or not at all."""
    scene.connect()
    Connection.objects.update(
        paused_at=Now(), suspended_at=Now(), suspended_reason=Reason.NOT_ACCEPTED
    )
    monkeypatch.setattr(turns, "wake", Mock(side_effect=InterruptedError))

    with pytest.raises(InterruptedError):
        go_on(scene.lotus)

    connection = Connection.objects.get()
    assert connection.is_paused
    assert connection.is_suspended

"""A connection begins whole or not at all, and its fence lets nothing through."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction

from clients import consent
from clients.models import Client, Door
from integrations.klaviyo import (
    backfill,
    connections,
    outbox,
    push,
    tokens,
)
from integrations.klaviyo.api import Account, Cancelled, Klaviyo
from integrations.klaviyo.connections import AccountTaken, AlreadyConnected, AnotherAccount
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    Priority,
    RateBudget,
)
from integrations.klaviyo.reasons import Reason
from integrations.sealing import keyring
from klaviyo_sandbox.testing import LOTUS, STAN, SandboxProcess
from studios.models import Studio, User
from studios.tenancy import hold
from tests.at_once import at_once
from tests.klaviyo.conftest import FOUR_SCOPES, AddClient, Connect
from tests.klaviyo.histories import (
    NAME,
    grant_of,
    in_background,
)
from tests.klaviyo.tables import rows_with

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)

Work = Callable[[], None]


# --- Beginning ------------------------------------------------------------------------------------


def test_connecting_seals_the_token_into_its_row(sandbox: SandboxProcess, connect: Connect) -> None:
    connection = connect()

    (grant,) = sandbox.grants()
    assert connection.account_name == NAME
    assert connection.granted_scopes.split() == sorted(FOUR_SCOPES)
    token = keyring().open(connection.refresh_token, *connection.sealing_context)
    assert not rows_with(token)
    assert grant["account"] == connection.account_id


def test_only_an_owner_connects(
    sandbox: SandboxProcess, lotus: Studio, olive: User, fay: User
) -> None:
    with pytest.raises(PermissionDenied):
        connections.connect(lotus, fay, Account(LOTUS.id, NAME), grant_of(sandbox))

    assert not Connection.objects.exists()


def test_a_studio_connects_once(sandbox: SandboxProcess, connect: Connect) -> None:
    connect()

    with pytest.raises(AlreadyConnected):
        connect(account=STAN.id)

    assert Connection.objects.get().account_id == LOTUS.id


@in_threads
def test_two_tabs_that_come_back_at_once_make_one_connection(
    sandbox: SandboxProcess, lotus: Studio, olive: User
) -> None:
    def come_back() -> Connection:
        return connections.connect(lotus, olive, Account(LOTUS.id, NAME), grant_of(sandbox))

    ends = at_once(*[come_back] * 4)

    assert sum(isinstance(end, Connection) for end in ends) == 1
    assert sum(isinstance(end, AlreadyConnected) for end in ends) == 3


@in_threads
def test_of_two_studios_with_one_account_one_connects_and_its_grant_lives(
    sandbox: SandboxProcess, lotus: Studio, olive: User, stans: Studio, stan: User
) -> None:
    account = Account(LOTUS.id, NAME)

    def come_back(studio: Studio, owner: User) -> Connection:
        return connections.connect(studio, owner, account, grant_of(sandbox))

    ends = at_once(partial(come_back, lotus, olive), partial(come_back, stans, stan))

    assert sum(isinstance(end, AccountTaken) for end in ends) == 1
    connection = Connection.objects.get()
    assert tokens.refresh(connection)
    assert sandbox.arrivals(operation="oauth_revoke") == []


@in_threads
def test_connecting_waits_for_an_edit_under_way_and_then_seeds_it(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio, work: Work
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold(lotus.pk)
            Client.objects.create(studio=lotus, email="ana@example.com", email_opt_in=True)
            connecting = in_background(pool, connect)
            time.sleep(0.3)
            assert not connecting.done()
        connecting.result(10)
    work()

    assert sandbox.profile("ana@example.com")


@in_threads
def test_an_edit_that_came_after_connecting_began_sees_the_connection(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com", first_name="Ana")

    def edit() -> None:
        ana.first_name = "Anna"
        ana.save()

    at_once(connect, edit)
    work()

    profile = sandbox.profile("ana@example.com")
    assert profile
    assert profile["first_name"] == "Anna"


def test_connecting_again_forgets_how_the_last_one_ended(
    sandbox: SandboxProcess, connect: Connect, work: Work
) -> None:
    connections.fence(connect(), EndCause.UNINSTALLED)
    work()
    assert EndedConnection.objects.get().asks_to_reconnect

    connect()

    assert not EndedConnection.objects.exists()


# --- The second consent ---------------------------------------------------------------------------


def test_widening_keeps_the_connection_and_its_rows_and_drops_the_old_grant_unrevoked(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    lotus: Studio,
    olive: User,
    work: Work,
) -> None:
    ana = add(email="ana@example.com")
    connection = connect(scopes=FOUR_SCOPES[:3])
    work()

    connections.widen(lotus, olive, Account(LOTUS.id, NAME), grant_of(sandbox))

    after = Connection.objects.get()
    ana.refresh_from_db()
    assert after.pk == connection.pk
    assert after.may_suppress
    assert not connection.may_suppress
    assert ana.klaviyo_profile_id
    assert sandbox.arrivals(operation="oauth_revoke") == []
    RateBudget.objects.all().delete()
    assert tokens.access_token(after)


def test_widening_sends_the_waiting_opt_outs_first(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    lotus: Studio,
    olive: User,
    work: Work,
) -> None:
    ana = add(email="ana@example.com")
    connect(scopes=FOUR_SCOPES[:3])
    work()
    consent.withdraw(ana, door=Door.STAFF)
    work()
    assert ClientSync.objects.opt_outs_waiting().count() == 1
    RateBudget.objects.all().delete()

    connections.widen(lotus, olive, Account(LOTUS.id, NAME), grant_of(sandbox))
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.opt_outs_waiting().exists()


def test_widening_with_another_account_changes_nothing(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio, olive: User
) -> None:
    connect(scopes=FOUR_SCOPES[:3])
    before = Connection.objects.values().get()

    with pytest.raises(AnotherAccount):
        connections.widen(lotus, olive, Account(STAN.id, "Stan's"), grant_of(sandbox, STAN.id))

    assert Connection.objects.values().get() == before


def test_a_fenced_connection_is_not_widened(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio, olive: User
) -> None:
    connections.fence(connect(), EndCause.OWNER)

    with pytest.raises(AnotherAccount):
        connections.widen(lotus, olive, Account(LOTUS.id, NAME), grant_of(sandbox))


def test_a_new_grant_is_tried_whatever_klaviyo_refused_the_old_one(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio, olive: User
) -> None:
    connections.refuse(connect(), Reason.PERMISSION_MISSING)

    connections.widen(lotus, olive, Account(LOTUS.id, NAME), grant_of(sandbox))

    assert not Connection.objects.get().is_refused


# --- The fence ------------------------------------------------------------------------------------


def test_after_the_fence_no_edit_is_marked_and_no_request_starts(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connection = connect()
    while backfill.seed(connection):
        pass
    (row,) = outbox.claim(connection, Priority.BACKFILL, 8)
    wanted = ClientSync.objects.get().wanted

    assert connections.fence(connection, EndCause.OWNER)
    ana.first_name = "Anna"
    ana.save()
    seen = len(sandbox.arrivals())
    with pytest.raises((Cancelled, tokens.Fenced)):
        push.push(row, Klaviyo(connection))

    assert ClientSync.objects.get().wanted == wanted
    assert sandbox.arrivals()[seen:] == []
    assert sandbox.profiles() == []


def test_a_fence_stands_once_with_its_first_cause(
    sandbox: SandboxProcess, connect: Connect, olive: User
) -> None:
    connection = connect()

    assert connections.fence(connection, EndCause.OWNER, by=olive)
    assert not connections.fence(connection, EndCause.GRANT_DEAD)

    connection.refresh_from_db()
    assert connection.end_cause == EndCause.OWNER
    assert connection.fenced_by == olive


@in_threads
def test_a_fence_waits_for_an_edit_under_way(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio
) -> None:
    connection = connect()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            hold(lotus.pk)
            fencing = in_background(pool, partial(connections.fence, connection, EndCause.OWNER))
            time.sleep(0.3)
            assert not fencing.done()
        assert fencing.result(10)

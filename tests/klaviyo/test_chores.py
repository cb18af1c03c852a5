"""Now and then: the heartbeat, what it finds out, and tidying. (`test_reconcile` has the rest.)"""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from integrations.klaviyo import chores, connections, sweep, trial
from integrations.klaviyo.api import Account
from integrations.klaviyo.models import (
    Connection,
    EndCause,
    EndedConnection,
    OAuthAttempt,
    RateBudget,
    SyncEvent,
    WebhookReceipt,
)
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import STAN, SandboxProcess
from studios.models import Studio, User
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.histories import grant_of

pytestmark = pytest.mark.django_db

Work = Callable[[], None]
YESTERDAY = timedelta(hours=24)


def ago(time: timedelta) -> datetime:
    return timezone.now() - time


def exchanges(sandbox: SandboxProcess) -> int:
    return len(sandbox.arrivals(operation="oauth_refresh"))


# --- The heartbeat --------------------------------------------------------------------------------


def test_a_connection_that_was_quiet_for_a_day_is_tried_and_lives(
    sandbox: SandboxProcess, connect: Connect, work: Work
) -> None:
    connect()
    work()
    Connection.objects.update(connected_at=ago(YESTERDAY))

    assert chores.heartbeat() == 1
    work()

    connection = Connection.objects.get()
    assert exchanges(sandbox) == 1
    assert connection.trial_result == trial.OK
    assert chores.heartbeat() == 0


@pytest.mark.parametrize("column", ["connected_at", "refreshed_at"])
def test_a_connection_that_was_heard_of_today_is_let_be(
    column: str, sandbox: SandboxProcess, connect: Connect
) -> None:
    connect()
    Connection.objects.update(**{"connected_at": ago(YESTERDAY), column: ago(timedelta(hours=1))})

    assert chores.heartbeat() == 0


def test_a_connection_that_is_being_ended_is_not_tried(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connections.fence(connect(), EndCause.OWNER)
    Connection.objects.update(connected_at=ago(YESTERDAY))

    assert chores.heartbeat() == 0


@pytest.mark.parametrize("fault", ["503", "html_200", "reset_after", "challenge"])
def test_klaviyo_down_at_the_heartbeat_ends_nothing_and_is_tried_again(
    fault: str, sandbox: SandboxProcess, connect: Connect, work: Work
) -> None:
    connect()
    work()
    Connection.objects.update(connected_at=ago(YESTERDAY))
    sandbox.fault(fault, operation="oauth_refresh")

    chores.heartbeat()
    work()

    assert Connection.objects.live().get().trial_result == Reason.NOT_ANSWERING
    assert chores.heartbeat() == 1


def test_one_studios_end_does_not_keep_another_from_being_tried(
    sandbox: SandboxProcess, connect: Connect, work: Work, stans: Studio, stan: User
) -> None:
    connect()
    connections.connect(stans, stan, Account(STAN.id, "Stan's"), grant_of(sandbox, STAN.id))
    work()
    Connection.objects.update(connected_at=ago(YESTERDAY))
    sandbox.uninstall(tell=False)

    assert chores.heartbeat() == 2
    work()

    assert Connection.objects.get().studio == stans
    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD


# --- Testing the connection -----------------------------------------------------------------------


def test_testing_the_connection_reads_the_account_and_writes_nothing(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connection = connect()
    work()
    connections.refuse(connection, Reason.NOT_ACCEPTED)
    seen = len(sandbox.arrivals())

    trial.ask_for(connection)
    work()

    connection.refresh_from_db()
    assert connection.trial_result == trial.OK
    assert connection.tried_at
    assert connection.trial_wanted_at is None
    assert not connection.is_refused
    came = {one["operation"] for one in sandbox.arrivals()[seen:]}
    assert came == {"oauth_refresh", "get_accounts"}


@pytest.mark.parametrize(
    ("fault", "operation", "result"),
    [
        ("401", "get_accounts", Reason.NOT_ACCEPTED),
        ("403", "get_accounts", Reason.PERMISSION_MISSING),
        ("503", "get_accounts", Reason.NOT_ANSWERING),
        ("html_200", "get_accounts", Reason.NOT_ANSWERING),
        ("503", "oauth_refresh", Reason.NOT_ANSWERING),
        ("invalid_client", "oauth_refresh", Reason.NOT_ACCEPTED),
    ],
)
def test_what_comes_of_it_is_noted_in_a_word(
    fault: str,
    operation: str,
    result: Reason,
    sandbox: SandboxProcess,
    connect: Connect,
) -> None:
    connection = connect()
    sandbox.fault(fault, operation=operation)

    trial.ask_for(connection)
    for _ in range(3):
        sweep.turn(Connection.objects.get())
        RateBudget.objects.all().delete()

    connection.refresh_from_db()
    assert connection.trial_result == result
    assert connection.trial_wanted_at is None


def test_another_account_behind_the_grant_is_not_accepted(
    sandbox: SandboxProcess, connect: Connect, work: Work
) -> None:
    connection = connect()
    Connection.objects.update(account_id="SOMEBODY")

    trial.ask_for(connection)
    work()

    connection.refresh_from_db()
    assert connection.trial_result == Reason.NOT_ACCEPTED


def test_a_grant_found_dead_ends_the_connection(
    sandbox: SandboxProcess, connect: Connect, work: Work
) -> None:
    connection = connect()
    sandbox.uninstall(tell=False)

    trial.ask_for(connection)
    work()

    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD


def test_a_key_that_went_is_no_fault_of_klaviyos(
    sandbox: SandboxProcess, connect: Connect, settings: Settings
) -> None:
    connection = connect()
    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS.replace("test:", "other:")

    trial.ask_for(connection)
    trial.carry_out(Connection.objects.get())

    assert Connection.objects.get().trial_result == Reason.NOT_ACCEPTED
    assert sandbox.arrivals() == []


# --- Tidying --------------------------------------------------------------------------------------


def test_what_is_spent_is_forgotten_and_the_rest_kept(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, lotus: Studio, olive: User
) -> None:
    client = add(email="ana@example.com")
    connection = connect()
    for days in (0, 2, 100):
        then = ago(timedelta(days=days))
        OAuthAttempt.objects.create(state_hash=str(days), studio=lotus, user=olive, created_at=then)
        WebhookReceipt.objects.create(event_id=str(days), received_at=then)
        SyncEvent.objects.create(connection=connection, client=client, at=then)

    chores.tidy()

    assert OAuthAttempt.objects.get().state_hash == "0"
    assert set(WebhookReceipt.objects.values_list("event_id", flat=True)) == {"0", "2"}
    assert SyncEvent.objects.count() == 2

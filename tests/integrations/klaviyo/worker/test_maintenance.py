"""Now and then: the heartbeat, what it finds out, and tidying. (`test_reconcile` has the rest.)"""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import STAN, SandboxProcess
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.connection import health_check, lifecycle
from integrations.klaviyo.models import (
    Connection,
    EndCause,
    EndedConnection,
    OAuthAttempt,
    RateLimit,
    SyncEvent,
    WebhookReceipt,
    Worker,
)
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import engine
from integrations.klaviyo.worker import maintenance
from studios.models import Studio, User
from tests.support.klaviyo.scene import Scene, grant_of

pytestmark = pytest.mark.django_db

YESTERDAY = timedelta(hours=24)


def ago(time: timedelta) -> datetime:
    return timezone.now() - time


def quiet_since_yesterday() -> None:
    Connection.objects.update(connected_at=ago(YESTERDAY), refreshed_at=ago(YESTERDAY))


def exchanges(sandbox: SandboxProcess) -> int:
    return len(sandbox.request_log(operation="oauth_refresh"))


# --- The heartbeat --------------------------------------------------------------------------------


def test_a_connection_that_was_quiet_for_a_day_is_tried_and_lives(
    scene: Scene, synced: Connection
) -> None:
    quiet_since_yesterday()
    came = exchanges(scene.klaviyo)

    assert maintenance.heartbeat() == 1
    scene.work()

    connection = Connection.objects.get()
    assert exchanges(scene.klaviyo) == came + 1
    assert connection.health_check_result == health_check.OK
    assert maintenance.heartbeat() == 0


@pytest.mark.parametrize("column", ["connected_at", "refreshed_at"])
def test_a_connection_that_was_heard_of_today_is_let_be(column: str, scene: Scene) -> None:
    scene.connect()
    Connection.objects.update(**{"connected_at": ago(YESTERDAY), column: ago(timedelta(hours=1))})

    assert maintenance.heartbeat() == 0


def test_a_connection_that_is_being_ended_is_not_tried(scene: Scene) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.OWNER)
    Connection.objects.update(connected_at=ago(YESTERDAY))

    assert maintenance.heartbeat() == 0


@pytest.mark.parametrize("fault", ["503", "html_200", "reset_after", "challenge"])
def test_klaviyo_down_at_the_heartbeat_ends_nothing_and_is_tried_again(
    fault: str, scene: Scene, synced: Connection
) -> None:
    quiet_since_yesterday()
    scene.klaviyo.fault(fault, operation="oauth_refresh")

    maintenance.heartbeat()
    scene.work()

    assert Connection.objects.live().get().health_check_result == Reason.NOT_ANSWERING
    assert maintenance.heartbeat() == 1


def test_one_studios_end_does_not_keep_another_from_being_tried(
    scene: Scene, stans: Studio, stan: User
) -> None:
    scene.connect()
    lifecycle.connect(stans, stan, Account(STAN.id, "Stan's"), grant_of(scene.klaviyo, STAN.id))
    scene.work()
    quiet_since_yesterday()
    scene.klaviyo.uninstall(tell=False)

    assert maintenance.heartbeat() == 2
    scene.work()

    assert Connection.objects.get().studio == stans
    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD


# --- Testing the connection -----------------------------------------------------------------------


def test_testing_the_connection_reads_the_account_and_writes_nothing(scene: Scene) -> None:
    connection = scene.sync()
    lifecycle.suspend(connection, Reason.NOT_ACCEPTED)
    seen = len(scene.klaviyo.request_log())

    health_check.request(connection)
    scene.work()

    connection.refresh_from_db()
    assert connection.health_check_result == health_check.OK
    assert connection.health_checked_at
    assert connection.health_check_requested_at is None
    assert not connection.is_suspended
    came = {one["operation"] for one in scene.klaviyo.request_log()[seen:]}
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
    fault: str, operation: str, result: Reason, scene: Scene
) -> None:
    connection = scene.connect()
    scene.klaviyo.fault(fault, operation=operation)

    health_check.request(connection)
    for _ in range(3):
        engine.work_on(Connection.objects.get())
        RateLimit.objects.all().delete()

    connection.refresh_from_db()
    assert connection.health_check_result == result
    assert connection.health_check_requested_at is None


def test_another_account_behind_the_grant_is_not_accepted(scene: Scene) -> None:
    connection = scene.connect()
    Connection.objects.update(account_id="SOMEBODY")

    health_check.request(connection)
    scene.work()

    connection.refresh_from_db()
    assert connection.health_check_result == Reason.NOT_ACCEPTED


def test_a_grant_found_dead_ends_the_connection(scene: Scene) -> None:
    connection = scene.connect()
    scene.klaviyo.uninstall(tell=False)

    health_check.request(connection)
    scene.work()

    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD


def test_a_key_that_went_is_no_fault_of_klaviyos(scene: Scene, settings: Settings) -> None:
    connection = scene.connect()
    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS.replace("test:", "other:")

    health_check.request(connection)
    health_check.run(Connection.objects.get())

    assert Connection.objects.get().health_check_result == Reason.NOT_ACCEPTED
    assert scene.klaviyo.request_log() == []


# --- Tidying --------------------------------------------------------------------------------------


def test_what_is_spent_is_forgotten_and_the_rest_kept(
    scene: Scene, lotus: Studio, olive: User
) -> None:
    client = scene.add(email="ana@example.com")
    connection = scene.connect()
    for days in (0, 2, 100):
        then = ago(timedelta(days=days))
        OAuthAttempt.objects.create(state_hash=str(days), studio=lotus, user=olive, created_at=then)
        WebhookReceipt.objects.create(event_id=str(days), received_at=then)
        SyncEvent.objects.create(connection=connection, client=client, at=then)
        Worker.objects.create(name=f"seen {days} days ago", seen_at=then)

    maintenance.purge_expired()

    assert OAuthAttempt.objects.get().state_hash == "0"
    assert set(WebhookReceipt.objects.values_list("event_id", flat=True)) == {"0", "2"}
    assert SyncEvent.objects.count() == 2
    assert [worker.name for worker in Worker.objects.all()] == ["seen 0 days ago"]


def test_testing_again_and_again_spends_no_renewals_on_what_must_wait(scene: Scene) -> None:
    connection = scene.sync()
    before = exchanges(scene.klaviyo)

    for _ in range(8):
        health_check.request(connection)
        for _ in range(3):
            engine.work_on(connection)

    tests = len(scene.klaviyo.request_log(operation="get_accounts"))
    assert exchanges(scene.klaviyo) - before == tests < 8


def test_after_a_good_test_nothing_waits_because_of_an_earlier_answer(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    scene.klaviyo.fault("410", operation="update_profile", times=1)
    scene.change(ana, first_name="Anna")
    scene.work()
    assert Connection.objects.get().is_suspended

    health_check.request(connection)
    scene.work()

    assert scene.values()["ana@example.com"][0] == "Anna"

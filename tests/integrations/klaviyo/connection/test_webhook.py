"""What Klaviyo's server may say: signed, fresh, and once."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    WebhookReceipt,
)
from integrations.klaviyo.worker import maintenance
from studios.models import Studio
from tests.support.klaviyo.deliveries import ADDRESS, body_of, deliver, event, is_live, sign
from tests.support.klaviyo.scene import Scene
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


# --- Who speaks -----------------------------------------------------------------------------------


def test_a_signed_uninstall_ends_the_connection(scene: Scene) -> None:
    scene.connect()

    status = deliver()

    assert status == 200
    assert Connection.objects.get().end_cause == EndCause.UNINSTALLED


def test_the_rest_is_done_by_a_worker_without_a_word_to_klaviyo(scene: Scene) -> None:
    scene.add(email="ana@lotus.test")
    scene.sync()

    deliver()
    scene.work()

    assert not Connection.objects.exists()
    assert not ClientSync.objects.exists()
    assert Client.objects.get().klaviyo_profile_id is None
    assert EndedConnection.objects.get().asks_to_reconnect
    assert not scene.klaviyo.request_log(operation="oauth_revoke")


UNSIGNED = {
    "none": {"Klaviyo_Signature": ""},
    "of other words": {"Klaviyo_Signature": sign(b"something else")},
    "under another secret": {"Klaviyo_Signature": sign(body_of(), secret="guessed")},
    "with a prefix": {"Klaviyo_Signature": "sha256=" + "0" * 64},
    "too short": {"Klaviyo_Signature": "0" * 63},
    "not even ASCII": {"Klaviyo_Signature": "é" * 64},
    "with the timestamp changed": {"Klaviyo_Timestamp": "Thu, 04 Jan 2024 18:05:26 GMT"},
    "with no timestamp": {"Klaviyo_Timestamp": ""},
}


@pytest.mark.parametrize("headers", UNSIGNED.values(), ids=UNSIGNED.keys())
def test_a_wrong_signature_has_no_effect(scene: Scene, headers: dict[str, str]) -> None:
    scene.connect()

    assert deliver(**headers) == 401
    assert is_live()
    assert not WebhookReceipt.objects.exists()


def test_the_signature_is_in_lower_case(scene: Scene) -> None:
    scene.connect()
    body = body_of()

    assert deliver(body, Klaviyo_Signature=sign(body).upper()) == 401
    assert deliver(body, Klaviyo_Signature=sign(body)) == 200


def test_a_body_changed_on_its_way_has_no_effect(scene: Scene) -> None:
    scene.connect()
    body = body_of()

    assert deliver(body + b" ", Klaviyo_Signature=sign(body)) == 401
    assert is_live()


def test_missing_headers_have_no_effect(scene: Scene) -> None:
    scene.connect()

    answer = Browser().post(ADDRESS, body_of(), content_type="application/json")

    assert answer.status_code == 401
    assert is_live()


def test_another_webhooks_delivery_has_no_effect(scene: Scene) -> None:
    scene.connect()

    assert deliver(Klaviyo_Webhook_Id="01HOTHER") == 401
    assert is_live()


def test_without_a_secret_there_is_no_webhook(scene: Scene, settings: Settings) -> None:
    settings.KLAVIYO_WEBHOOK_SECRET = ""
    scene.connect()
    body = body_of()

    assert deliver(body, Klaviyo_Signature=sign(body, secret="")) == 404
    assert is_live()


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_it_is_only_posted_to(method: str) -> None:
    assert getattr(Browser(), method)(ADDRESS).status_code == 405


# --- When -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (-4, 200), (4, 200), (6, 401)])
def test_freshness_goes_by_the_body(scene: Scene, minutes: int, status: int) -> None:
    scene.connect()

    assert deliver(body_of(at=timezone.now() + timedelta(minutes=minutes))) == status
    assert is_live() == (status == 401 or minutes < 0)


@pytest.mark.parametrize("stamp", ["Thu, 04 Jan 2024 18:05:25 GMT", "hours off", "1"])
def test_the_timestamp_header_is_signed_and_nothing_more(scene: Scene, stamp: str) -> None:
    scene.connect()
    body = body_of()

    status = deliver(body, Klaviyo_Timestamp=stamp, Klaviyo_Signature=sign(body, stamp))

    assert status == 200


def test_an_event_from_before_the_connection_is_tried_before_it_deletes(scene: Scene) -> None:
    """Uninstalled and connected again at once: the late word is about the grant before."""
    connection = scene.connect()
    scene.add(email="ana@lotus.test")

    deliver(body_of(at=connection.connected_at - timedelta(seconds=5)))
    asked = Connection.objects.get().health_check_requested_at
    scene.work()

    assert asked
    assert is_live()
    assert scene.klaviyo.profile("ana@lotus.test")


def test_an_event_from_before_the_connection_is_believed_if_the_grant_is_dead(scene: Scene) -> None:
    connection = scene.connect()
    scene.klaviyo.uninstall(tell=False)

    deliver(body_of(at=connection.connected_at - timedelta(seconds=5)))
    scene.work()

    assert not Connection.objects.exists()
    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD


# --- What, and how often --------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["SoMeB1", LOTUS.id.lower()])
def test_an_unknown_account_gets_the_same_answer(scene: Scene, account: str) -> None:
    scene.connect()

    assert deliver(body_of(account=account)) == 200
    assert is_live()


def test_other_topics_are_answered_and_ignored(scene: Scene) -> None:
    scene.connect()
    topic = "event:klaviyo.unsubscribed_from_email_marketing"

    assert deliver(body_of(event(topic=topic))) == 200
    assert is_live()
    assert not WebhookReceipt.objects.exists()


def test_the_topic_is_a_setting(scene: Scene, settings: Settings) -> None:
    settings.KLAVIYO_UNINSTALL_TOPIC = "app.removed"
    scene.connect()

    assert deliver(body_of(event("1"))) == 200
    assert is_live()
    assert deliver(body_of(event("2", "app.removed"))) == 200
    assert not is_live()


def test_an_uninstall_among_other_events_has_its_effect(scene: Scene) -> None:
    scene.connect()

    deliver(body_of(event("1", "event:other"), event("2"), event("3", "event:other")))

    assert not is_live()


def test_a_replay_does_nothing_to_the_next_connection(scene: Scene) -> None:
    scene.connect()
    later = timezone.now() + timedelta(minutes=4)  # younger than any connection of this test
    body = body_of(at=later)
    deliver(body)
    scene.work()
    scene.connect()

    assert deliver(body) == 200
    assert is_live()
    assert Connection.objects.get().health_check_requested_at is None


def test_the_second_uninstall_of_an_account_works_months_later(scene: Scene) -> None:
    scene.connect()
    deliver(body_of(event("first")))
    scene.work()
    months_ago = timezone.now() - maintenance.RECEIPTS_KEPT + timedelta(days=1)
    WebhookReceipt.objects.update(received_at=months_ago)
    scene.connect()

    deliver(body_of(event("second")))

    assert not is_live()


def test_the_same_event_id_of_two_accounts_is_two_events(scene: Scene) -> None:
    scene.connect()

    deliver(body_of(account="SoMeB1"))
    deliver(body_of())

    assert not is_live()
    assert WebhookReceipt.objects.count() == 2


def test_a_receipt_keeps_no_account_id(scene: Scene) -> None:
    scene.connect()

    deliver()

    assert LOTUS.id not in WebhookReceipt.objects.get().account_hash


@pytest.mark.django_db(transaction=True)
def test_twenty_deliveries_at_once_have_one_effect(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []
    begin_disconnect = lifecycle.begin_disconnect
    monkeypatch.setattr(
        lifecycle, "begin_disconnect", lambda *args: begun.append(begin_disconnect(*args))
    )
    scene.connect()
    body = body_of()

    statuses = at_once(*[lambda: deliver(body)] * 20)

    assert statuses == [200] * 20
    assert begun == [True]
    assert WebhookReceipt.objects.count() == 1

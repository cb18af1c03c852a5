"""What Klaviyo's server may say: signed, fresh, once; anything else has no effect and no 500."""

import hashlib
import hmac
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as some
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo import chores, connections, webhook
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    WebhookReceipt,
)
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from studios.models import Studio
from tests.at_once import at_once
from tests.klaviyo.conftest import AddClient, Connect

pytestmark = pytest.mark.django_db

ADDRESS = "/webhooks/klaviyo/"
SECRET = "webhook-secret-under-test"
WEBHOOK_ID = "01HWEBHOOK"
STAMP = "Thu, 04 Jan 2024 18:05:25 GMT"


def event(event_id: str = "01HEVENT", topic: str = "app.uninstalled") -> dict[str, Any]:
    return {"external_id": event_id, "topic": topic, "payload": {}}


def body_of(
    *events: dict[str, Any], account: Any = LOTUS.id, at: datetime | None = None, **meta: Any
) -> bytes:
    described = {
        "klaviyo_webhook_id": WEBHOOK_ID,
        "klaviyo_account_id": account,
        "timestamp": (at or timezone.now()).isoformat(),
        "version": "2026-07-15",
    }
    return json.dumps({"data": events or [event()], "meta": described | meta}).encode()


def sign(body: bytes, stamp: str = STAMP, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()


def deliver(body: bytes | None = None, /, **headers: str) -> int:
    """Klaviyo's server calls, in order unless told otherwise; the status it gets."""
    body = body_of() if body is None else body
    in_order = {
        "Klaviyo-Signature": sign(body),
        "Klaviyo-Timestamp": STAMP,
        "Klaviyo-Webhook-Id": WEBHOOK_ID,
    }
    given = in_order | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Browser(raise_request_exception=False).post(
        ADDRESS, body, content_type="application/json", headers=given
    )
    assert not answer.content.strip() or answer.status_code == 404
    return answer.status_code


def is_live() -> bool:
    return Connection.objects.live().exists()


# --- Who speaks -----------------------------------------------------------------------------------


def test_a_signed_uninstall_ends_the_connection(connect: Connect) -> None:
    connect()

    status = deliver()

    assert status == 200
    assert Connection.objects.get().end_cause == EndCause.UNINSTALLED


def test_the_rest_is_done_by_a_worker_without_a_word_to_klaviyo(
    connect: Connect, sandbox: SandboxProcess, add: AddClient, work: Any
) -> None:
    add(email="ana@lotus.test")
    connect()
    work()

    deliver()
    work()

    assert not Connection.objects.exists()
    assert not ClientSync.objects.exists()
    assert Client.objects.get().klaviyo_profile_id is None
    assert EndedConnection.objects.get().asks_to_reconnect
    assert not sandbox.arrivals(operation="oauth_revoke")


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
def test_a_wrong_signature_has_no_effect(connect: Connect, headers: dict[str, str]) -> None:
    connect()

    assert deliver(**headers) == 401
    assert is_live()
    assert not WebhookReceipt.objects.exists()


def test_the_signature_is_in_lower_case(connect: Connect) -> None:
    connect()
    body = body_of()

    assert deliver(body, Klaviyo_Signature=sign(body).upper()) == 401
    assert deliver(body, Klaviyo_Signature=sign(body)) == 200


def test_a_body_changed_on_its_way_has_no_effect(connect: Connect) -> None:
    connect()
    body = body_of()

    assert deliver(body + b" ", Klaviyo_Signature=sign(body)) == 401
    assert is_live()


def test_missing_headers_have_no_effect(connect: Connect) -> None:
    connect()

    answer = Browser().post(ADDRESS, body_of(), content_type="application/json")

    assert answer.status_code == 401
    assert is_live()


def test_another_webhooks_delivery_has_no_effect(connect: Connect) -> None:
    connect()

    assert deliver(Klaviyo_Webhook_Id="01HOTHER") == 401
    assert is_live()


def test_without_a_secret_there_is_no_webhook(connect: Connect, settings: Settings) -> None:
    settings.KLAVIYO_WEBHOOK_SECRET = ""
    connect()
    body = body_of()

    assert deliver(body, Klaviyo_Signature=sign(body, secret="")) == 404
    assert is_live()


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_it_is_only_posted_to(method: str) -> None:
    assert getattr(Browser(), method)(ADDRESS).status_code == 405


# --- When -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "status"), [(-6, 401), (-4, 200), (4, 200), (6, 401)])
def test_freshness_goes_by_the_body(connect: Connect, minutes: int, status: int) -> None:
    connect()

    assert deliver(body_of(at=timezone.now() + timedelta(minutes=minutes))) == status
    assert is_live() == (status == 401 or minutes < 0)


@pytest.mark.parametrize("stamp", ["Thu, 04 Jan 2024 18:05:25 GMT", "hours off", "1"])
def test_the_timestamp_header_is_signed_and_nothing_more(connect: Connect, stamp: str) -> None:
    connect()
    body = body_of()

    status = deliver(body, Klaviyo_Timestamp=stamp, Klaviyo_Signature=sign(body, stamp))

    assert status == 200


def test_an_event_from_before_the_connection_is_tried_before_it_deletes(
    connect: Connect, sandbox: SandboxProcess, add: AddClient, work: Any
) -> None:
    """Uninstalled and connected again at once: the late word is about the grant before."""
    connection = connect()
    add(email="ana@lotus.test")

    deliver(body_of(at=connection.connected_at - timedelta(seconds=5)))
    asked = Connection.objects.get().trial_wanted_at
    work()

    assert asked
    assert is_live()
    assert sandbox.profile("ana@lotus.test")


def test_an_event_from_before_the_connection_is_believed_if_the_grant_is_dead(
    connect: Connect, sandbox: SandboxProcess, work: Any
) -> None:
    connection = connect()
    sandbox.uninstall(tell=False)

    deliver(body_of(at=connection.connected_at - timedelta(seconds=5)))
    work()

    assert not Connection.objects.exists()
    assert EndedConnection.objects.get().cause == EndCause.GRANT_DEAD


# --- What, and how often --------------------------------------------------------------------------


@pytest.mark.parametrize("account", ["SoMeB1", LOTUS.id.lower()])
def test_an_unknown_account_gets_the_same_answer(connect: Connect, account: str) -> None:
    connect()

    assert deliver(body_of(account=account)) == 200
    assert is_live()


def test_other_topics_are_answered_and_ignored(connect: Connect) -> None:
    connect()
    topic = "event:klaviyo.unsubscribed_from_email_marketing"

    assert deliver(body_of(event(topic=topic))) == 200
    assert is_live()
    assert not WebhookReceipt.objects.exists()


def test_the_topic_is_a_setting(connect: Connect, settings: Settings) -> None:
    settings.KLAVIYO_UNINSTALL_TOPIC = "app.removed"
    connect()

    assert deliver(body_of(event("1"))) == 200
    assert is_live()
    assert deliver(body_of(event("2", "app.removed"))) == 200
    assert not is_live()


def test_an_uninstall_among_other_events_has_its_effect(connect: Connect) -> None:
    connect()

    deliver(body_of(event("1", "event:other"), event("2"), event("3", "event:other")))

    assert not is_live()


def test_a_replay_does_nothing_to_the_next_connection(connect: Connect, work: Any) -> None:
    connect()
    later = timezone.now() + timedelta(minutes=4)  # younger than any connection of this test
    body = body_of(at=later)
    deliver(body)
    work()
    connect()

    assert deliver(body) == 200
    assert is_live()
    assert Connection.objects.get().trial_wanted_at is None


def test_the_second_uninstall_of_an_account_works_months_later(connect: Connect, work: Any) -> None:
    connect()
    deliver(body_of(event("first")))
    work()
    months_ago = timezone.now() - chores.RECEIPTS_KEPT + timedelta(days=1)
    WebhookReceipt.objects.update(received_at=months_ago)
    connect()

    deliver(body_of(event("second")))

    assert not is_live()


def test_the_same_event_id_of_two_accounts_is_two_events(connect: Connect) -> None:
    connect()

    deliver(body_of(account="SoMeB1"))
    deliver(body_of())

    assert not is_live()
    assert WebhookReceipt.objects.count() == 2


def test_a_receipt_keeps_no_account_id(connect: Connect) -> None:
    connect()

    deliver()

    assert LOTUS.id not in WebhookReceipt.objects.get().account_hash


@pytest.mark.django_db(transaction=True)
def test_twenty_deliveries_at_once_have_one_effect(
    connect: Connect, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    fenced = []
    fence = connections.fence
    monkeypatch.setattr(connections, "fence", lambda *args: fenced.append(fence(*args)))
    connect()
    body = body_of()

    statuses = at_once(*[lambda: deliver(body)] * 20)

    assert statuses == [200] * 20
    assert fenced == [True]
    assert WebhookReceipt.objects.count() == 1


# --- What can't be read ---------------------------------------------------------------------------

UNREADABLE = {
    "empty": b"",
    "not JSON": b"uninstall!",
    "not UTF-8": b"\xff\xfe\xfd",
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "too deep": b"[" * 50_000,
    "a number too long": b"9" * 5_000,
    "no data": json.dumps({"meta": {}}).encode(),
    "data of text": body_of().replace(b'"external_id"', b'"external"'),
    "no zone": body_of(timestamp="2026-07-02T12:00:00"),
    "no time": body_of(timestamp="yesterday"),
    "the time a number": body_of(timestamp=1_700_000_000),
    "an impossible day": body_of(timestamp="2026-02-31T12:00:00+00:00"),
    "the first second ever": body_of(timestamp="0001-01-01T00:00:00+23:59"),
    "an event id with NUL": body_of(event("01H\0")),
    "an event id too long": body_of(event("x" * 129)),
    "an event id of half a character": body_of(event("\ud800")),
    "an event id that is none": body_of({"external_id": None, "topic": "app.uninstalled"}),
    "an account with NUL": body_of(account="LoT\0"),
    "an account of half a character": body_of(account="\udfff"),
    "an account that is a list": body_of(account=[LOTUS.id]),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_said_to_be_so(connect: Connect, body: bytes) -> None:
    connect()

    assert deliver(body) in (400, 401)  # stale where a time could be read
    assert is_live()


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=8,
)
EVENTS = some.lists(
    some.fixed_dictionaries({"external_id": ANY_JSON, "topic": some.just("app.uninstalled")}),
    max_size=3,
)
DOCUMENTS = ANY_JSON | some.fixed_dictionaries(
    {
        "data": EVENTS | ANY_JSON,
        "meta": some.fixed_dictionaries(
            {
                "klaviyo_webhook_id": some.just(WEBHOOK_ID) | ANY_JSON,
                "klaviyo_account_id": some.text(max_size=200) | ANY_JSON,
                "timestamp": some.just(timezone.now().isoformat()) | ANY_JSON,
            }
        ),
    }
)


@limits(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(document=DOCUMENTS)
def test_no_signed_document_breaks_it(db: None, document: Any) -> None:
    assert deliver(json.dumps(document).encode()) in (200, 400, 401)


@limits(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=some.binary(max_size=300),
    signature=some.text(some.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80),
)
def test_no_forged_bytes_get_in(db: None, body: bytes, signature: str) -> None:
    assert deliver(body, Klaviyo_Signature=signature) == 401


# --- How much, and as what ------------------------------------------------------------------------


def test_up_to_64_kib_are_read_and_no_more(connect: Connect) -> None:
    connect()
    body = body_of()
    full = body + b" " * (webhook.BODY_MAX_BYTES - len(body))

    assert deliver(full + b" ") == 413
    assert is_live()
    assert deliver(full) == 200
    assert not is_live()


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/x"]
)
def test_the_bytes_are_read_before_anybody_parses_them(connect: Connect, kind: str) -> None:
    connect()
    body = body_of()

    assert raw(body, CONTENT_LENGTH=str(len(body)), CONTENT_TYPE=kind) == 200
    assert not is_live()


LENGTHS = {
    "too small": (lambda body: str(len(body) - 1), 401),
    "none": (lambda body: "", 401),
    "zero": (lambda body: "0", 401),
    "not a number": (lambda body: "many", 401),
    "negative": (lambda body: "-5", 401),
    "too large": (lambda body: str(len(body) + 1_000_000), 413),
}


@pytest.mark.parametrize(("length", "status"), LENGTHS.values(), ids=LENGTHS.keys())
def test_a_length_that_lies_gets_nothing_in(connect: Connect, length: Any, status: int) -> None:
    connect()
    body = body_of()
    huge = body + b" " * webhook.BODY_MAX_BYTES * 2

    told = length(body)
    sent = huge if status == 413 else body

    assert raw(sent, signed=body, CONTENT_LENGTH=told) == status
    assert is_live()


def raw(sent: bytes, signed: bytes | None = None, **told: str) -> int:
    """As a server hands it over, with whatever it was told about it; the status."""
    headers = {
        "Klaviyo-Signature": sign(sent if signed is None else signed),
        "Klaviyo-Timestamp": STAMP,
        "Klaviyo-Webhook-Id": WEBHOOK_ID,
    }
    given: dict[str, Any] = {"wsgi.input": io.BytesIO(sent), **told}
    browser = Browser(raise_request_exception=False)
    return browser.generic("POST", ADDRESS, headers=headers, **given).status_code

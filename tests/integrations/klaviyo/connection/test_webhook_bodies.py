"""What comes to the webhook and can't be read, or is too much: no effect, and no fault of ours."""

import json
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as some

from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.connection import webhook
from tests.support.klaviyo.deliveries import WEBHOOK_ID, body_of, deliver, event, is_live, raw
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db


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
def test_what_cannot_be_read_is_said_to_be_so(scene: Scene, body: bytes) -> None:
    scene.connect()

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


# Cheap, and open to anybody: five times as many examples as elsewhere.
MANY = settings(max_examples=5 * settings().max_examples)


@MANY
@given(document=DOCUMENTS)
def test_no_signed_document_breaks_it(db: None, document: Any) -> None:
    assert deliver(json.dumps(document).encode()) in (200, 400, 401)


@MANY
@given(
    body=some.binary(max_size=300),
    signature=some.text(some.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80),
)
def test_no_forged_bytes_get_in(db: None, body: bytes, signature: str) -> None:
    assert deliver(body, Klaviyo_Signature=signature) == 401


# --- How much, and as what ------------------------------------------------------------------------


def test_up_to_64_kib_are_read_and_no_more(scene: Scene) -> None:
    scene.connect()
    body = body_of()
    full = body + b" " * (webhook.BODY_MAX_BYTES - len(body))

    assert deliver(full + b" ") == 413
    assert is_live()
    assert deliver(full) == 200
    assert not is_live()


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "text/x"]
)
def test_the_bytes_are_read_before_anybody_parses_them(scene: Scene, kind: str) -> None:
    scene.connect()
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
def test_a_length_that_lies_gets_nothing_in(scene: Scene, length: Any, status: int) -> None:
    scene.connect()
    body = body_of()
    huge = body + b" " * webhook.BODY_MAX_BYTES * 2

    told = length(body)
    sent = huge if status == 413 else body

    assert raw(sent, signed=body, CONTENT_LENGTH=told) == status
    assert is_live()

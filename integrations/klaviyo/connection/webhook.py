"""The webhook that Klaviyo's server calls: signature, freshness, once only (contract, section 2.1).

Klaviyo documents no uninstall topic today, so the topic's name is a setting and nothing depends
on this alone: a refresh and the heartbeat notice an uninstall as well.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.dateparse import parse_datetime

from integrations.klaviyo.connection import health_check, lifecycle
from integrations.klaviyo.models import Connection, EndCause, WebhookReceipt

BODY_MAX_BYTES = 64 * 1024
FRESH_FOR = timedelta(minutes=5)
IDENTIFIER = re.compile(r"[!-~]{1,128}")  # as Klaviyo makes them; nothing a database refuses


class BadSignatureError(Exception):
    """Not from Klaviyo, not for this webhook, or not of these minutes."""


class UnreadableError(Exception):
    """Signed, but not what Klaviyo documents."""


@dataclass(frozen=True)
class Delivery:
    account_id: str
    at: datetime
    events: list[tuple[str, str]]  # external id, topic


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Raise `BadSignatureError` unless the raw body was signed with our secret; constant time."""
    message = body + headers.get("Klaviyo-Timestamp", "").encode()
    expected = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    given = headers.get("Klaviyo-Signature", "")
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise BadSignatureError


def read(body: bytes, headers: Mapping[str, str], now: datetime) -> Delivery:
    """The delivery; raises `UnreadableError`, or `BadSignatureError` if stale or another webhook's.

    The timestamp header has been seen hours off, so freshness goes by `meta.timestamp`.
    """
    try:
        document = json.loads(body)
        meta, data = document["meta"], document["data"]
        at = parse_datetime(meta["timestamp"])
        events = [(identifier(event["external_id"]), str(event["topic"])) for event in data]
        account_id = identifier(meta["klaviyo_account_id"])
        webhook_id = identifier(meta["klaviyo_webhook_id"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError from error
    if at is None or at.tzinfo is None:
        raise UnreadableError
    if webhook_id != headers.get("Klaviyo-Webhook-Id") or abs(now - at) > FRESH_FOR:
        raise BadSignatureError
    return Delivery(account_id, at, events)


def identifier(value: Any) -> str:
    if not IDENTIFIER.fullmatch(value):
        raise ValueError("not an identifier")
    return str(value)


def receive(delivery: Delivery) -> None:
    """Apply each event of the delivery, once."""
    for event_id, topic in delivery.events:
        if topic == settings.KLAVIYO_UNINSTALL_TOPIC:
            uninstalled(delivery, event_id)


@transaction.atomic
def uninstalled(delivery: Delivery, event_id: str) -> None:
    """The receipt is written with the effect: seen again, the event does nothing."""
    _, is_new = WebhookReceipt.objects.get_or_create(
        account_hash=hash_account(delivery.account_id), event_id=event_id
    )
    connection = Connection.objects.live().filter(account_id=delivery.account_id).first()
    if not is_new or connection is None:
        return
    if delivery.at < connection.connected_at:
        health_check.request(connection)  # it may speak of the connection before this one
    else:
        lifecycle.begin_disconnect(connection, EndCause.UNINSTALLED)


def hash_account(account_id: str) -> str:
    """Receipts must not keep the account's id."""
    return hmac.new(settings.SECRET_KEY.encode(), account_id.encode(), hashlib.sha256).hexdigest()

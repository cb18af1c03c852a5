"""Klaviyo's server, as it calls the webhook: in order, or not."""

import hashlib
import hmac
import io
import json
from datetime import datetime
from typing import Any

from django.test import Client as Browser
from django.utils import timezone

from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.models import Connection

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

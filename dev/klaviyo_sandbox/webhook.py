"""Telling the app that it was uninstalled, signed as system webhooks are (contract, section 2.1).

Klaviyo documents no such topic; the sandbox sends one so that the app's side can be tried.
"""

import hashlib
import hmac
import json
import time
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from threading import Lock, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from dev.klaviyo_sandbox.clock import new_id
from dev.klaviyo_sandbox.settings import Settings

PAUSES_S = (0, 1, 3, 10, 30)
TIMEOUT_S = 5
REVISION = "2026-07-15"
DELIVERIES_KEPT = 200


@dataclass
class Delivery:
    """One event on its way, or what became of it."""

    url: str
    headers: dict[str, str]
    body: str
    account: str
    tries: int = 0
    outcome: str = "on its way"


class WebhookSender:
    """Sends in the background and remembers how it went."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._deliveries: deque[Delivery] = deque(maxlen=DELIVERIES_KEPT)

    def tell_uninstalled(self, account: str, settings: Settings) -> Delivery | None:
        """Start telling the app; None where no webhook is configured."""
        if not (settings.webhook_url and settings.webhook_secret):
            return None
        delivery = new_delivery(account, settings)
        with self._lock:
            self._deliveries.append(delivery)
        Thread(target=deliver, args=(delivery,), daemon=True).start()
        return delivery

    def deliveries(self) -> list[dict[str, Any]]:
        """The latest, oldest first."""
        with self._lock:
            return [asdict(one) for one in self._deliveries]

    def clear(self) -> None:
        with self._lock:
            self._deliveries.clear()


def new_delivery(account: str, settings: Settings) -> Delivery:
    now = datetime.now(UTC)
    event_id = new_id()
    payload = {"data": {"type": "event", "id": event_id, "attributes": {}, "relationships": {}}}
    event = {"external_id": event_id, "topic": settings.webhook_topic, "payload": payload}
    meta = {
        "klaviyo_webhook_id": settings.webhook_id,
        "klaviyo_account_id": account,
        "timestamp": now.isoformat(timespec="seconds"),
        "version": REVISION,
    }
    body = json.dumps({"data": [event], "meta": meta})
    timestamp = format_datetime(now, usegmt=True)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "klaviyo-sandbox",
        "Klaviyo-Webhook-Id": settings.webhook_id,
        "Klaviyo-Timestamp": timestamp,
        "Klaviyo-Signature": signature(body.encode(), timestamp, settings.webhook_secret),
    }
    return Delivery(settings.webhook_url, headers, body, account)


def signature(body: bytes, timestamp: str, secret: str) -> str:
    """HMAC-SHA256 over the body followed directly by the timestamp's text."""
    return hmac.new(secret.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()


def deliver(delivery: Delivery) -> None:
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        delivery.tries += 1
        status = post(delivery)
        delivery.outcome = f"answered {status}" if status else "no answer"
        if 200 <= status < 300:
            return


def post(delivery: Delivery) -> int:
    """The status it was answered with; 0 for none."""
    order = Request(  # noqa: S310  (the address comes from the sandbox's own settings)
        delivery.url, delivery.body.encode(), delivery.headers, method="POST"
    )
    try:
        with urlopen(order, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as refusal:
        return refusal.code
    except OSError:
        return 0

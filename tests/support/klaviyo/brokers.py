"""Wake-ups in tests: a Valkey of one's own that may be frozen, and a way to look into its queue."""

import json
from typing import Any

import pytest
import redis
from celery import Celery

from dev.servers import Valkey
from integrations.klaviyo.outbox import wakeup


def ring_into(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> Celery:
    """Wake-ups of this process go into that broker; the application that publishes them."""
    app = Celery("junocal", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.update(broker_url=valkey.url)
    monkeypatch.setattr(wakeup, "current_app", app)
    monkeypatch.setattr(wakeup, "_notifier", wakeup.Notifier())
    return app


def queue(valkey: Valkey) -> "redis.Redis":
    return redis.Redis(unix_socket_path=valkey.socket, decode_responses=True)


def messages(valkey: Valkey) -> list[dict[str, Any]]:
    """What lies in the queue of the sync, as it came."""
    with queue(valkey) as broker:
        return [json.loads(message) for message in broker.lrange("sync", 0, -1)]

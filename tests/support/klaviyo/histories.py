"""A connection with a past, and what must be left of it when it has ended: nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.db import connection as database
from django.db.models import F

from clients import consent
from clients.models import Client, ConsentSource
from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.models import ClientSync, Connection, RateLimit, SyncEvent
from integrations.sealing import keyring
from tests.support.klaviyo.db_scan import rows_with
from tests.support.klaviyo.scene import Scene

NAME = "Lotus Yoga Berlin"


def in_background(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> Any:
    def run() -> Any:
        try:
            return work()
        finally:
            database.close()

    return pool.submit(run)


def leases_run_out() -> None:
    """As fifteen seconds later."""
    ClientSync.objects.update(lease_until=F("lease_until") - timedelta(seconds=30))


def turn_runs_out() -> None:
    """As half a minute later: another worker may take over."""
    Connection.objects.update(finishing_until=None)


def make_history(scene: Scene) -> tuple[Connection, list[str]]:
    """A connection with a bit of everything; and words of Klaviyo's that must go with it."""
    ana, bea = scene.add(email="ana@example.com"), scene.add(email="bea@example.com")
    scene.add(email="cleo@example.com", email_opt_in=False)
    connection = scene.sync()
    consent.withdraw(bea, source=ConsentSource.STAFF)
    scene.work()
    ana.refresh_from_db()
    connection.refresh_from_db()
    token = keyring().open(connection.refresh_token, *connection.sealing_context)
    assert ana.klaviyo_profile_id
    return connection, [
        LOTUS.id,
        NAME,
        token,
        connection.refresh_token,
        str(connection.pk),
        ana.klaviyo_profile_id,
    ]


def assert_nothing_is_left(words: list[str]) -> None:
    for word in words:
        assert rows_with(word) == [], f"{word!r} is still there"
    for model in (Connection, ClientSync, SyncEvent, RateLimit):
        assert not model._default_manager.exists()
    assert not Client.objects.exclude(klaviyo_profile_id=None).exists()


def crash_at(step: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """The step, dying before or after it was done."""

    def crash(*args: Any, **options: Any) -> Any:
        if after:
            step(*args, **options)
        raise RuntimeError("crash")

    return crash

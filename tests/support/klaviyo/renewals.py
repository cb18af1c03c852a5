"""Renewing a grant in tests: how often it was done, and what was stored."""

import time
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from django.db import connection as database

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from integrations.klaviyo.api import rate_limits
from integrations.klaviyo.api.errors import ThrottledError
from integrations.klaviyo.models import Connection, RateLimit
from integrations.sealing import keyring
from integrations.token_bucket import Limit

T = TypeVar("T")
PLENTY = Limit(burst=100_000, steady=1_000_000)
ROTATIONS = ["same", "grace", "strict", "none"]


def stored(connection: Connection) -> str:
    """The refresh token as it lies in the row, opened."""
    connection.refresh_from_db()
    return keyring().open(connection.refresh_token, *connection.sealing_context)


def exchanges(sandbox: SandboxProcess) -> list[int]:
    return [one["status"] for one in sandbox.request_log(operation="oauth_refresh")]


def wait_is_over(connection: Connection) -> None:
    """As some time later: refreshes may be sent again."""
    RateLimit.objects.filter(connection=connection, operation=rate_limits.REFRESH).delete()


def persist(work: Callable[[], T]) -> T:
    """Come back as often as told to wait, like a row that waits for its turn."""
    while True:
        try:
            return work()
        except ThrottledError:
            time.sleep(0.02)


def in_thread(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        database.close()


def in_thread_of_its_own(work: Callable[[], object]) -> None:
    thread = Thread(target=in_thread, args=[work])
    thread.start()
    thread.join()

"""Renewing a grant in tests: how often it was done, and what was stored."""

import time
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from django.db import connection as database

from integrations.klaviyo import budgets
from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.models import Connection, RateBudget
from integrations.klaviyo.operations import Limit
from integrations.sealing import keyring
from klaviyo_sandbox.testing import SandboxProcess

T = TypeVar("T")
PLENTY = Limit(burst=100_000, steady=1_000_000)
ROTATIONS = ["same", "grace", "strict", "none"]


def stored(connection: Connection) -> str:
    """The refresh token as it lies in the row, opened."""
    connection.refresh_from_db()
    return keyring().open(connection.refresh_token, *connection.sealing_context)


def exchanges(sandbox: SandboxProcess) -> list[int]:
    return [one["status"] for one in sandbox.arrivals(operation="oauth_refresh")]


def wait_is_over(connection: Connection) -> None:
    """As some time later: the budget for refreshes is full again."""
    RateBudget.objects.filter(connection=connection, operation=budgets.REFRESH).delete()


def persist(work: Callable[[], T]) -> T:
    """Come back as often as told to wait, like a row that waits for its turn."""
    while True:
        try:
            return work()
        except Throttled:
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

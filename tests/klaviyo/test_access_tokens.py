"""Where access tokens are, and where they are not."""

import logging
import time
from collections.abc import Callable

import pytest
from django.db import connection as database

from clients import consent
from clients.models import Door
from integrations.klaviyo import connections, oauth, tokens
from integrations.klaviyo.models import EndCause, RateBudget
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.tokens import GrantRevoked
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.renewals import (
    wait_is_over,
)
from tests.klaviyo.tables import rows_with

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


def test_a_good_token_is_used_until_its_last_minute(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    sandbox.configure(expires_in_s=600)
    first = tokens.access_token(connection)
    began = time.monotonic()

    monkeypatch.setattr(time, "monotonic", lambda: began + 530)
    assert tokens.access_token(connection) is first
    monkeypatch.setattr(time, "monotonic", lambda: began + 545)
    wait_is_over(connection)
    assert tokens.access_token(connection).text != first.text


def test_a_refused_token_is_forgotten_but_not_a_fresher_one(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    first = tokens.access_token(connection)
    wait_is_over(connection)
    second = tokens.refresh(connection)

    tokens.reject(connection, first)
    assert tokens.access_token(connection) is second
    tokens.reject(connection, second)
    wait_is_over(connection)
    assert tokens.access_token(connection).text not in (first.text, second.text)


def test_trying_a_grant_asks_klaviyo_even_with_a_good_token_at_hand(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    tokens.access_token(connection)
    wait_is_over(connection)
    sandbox.uninstall(tell=False)

    with pytest.raises(GrantRevoked):
        tokens.refresh(connection)


def test_memory_knows_each_grant_apart(sandbox: SandboxProcess, connect: Connect) -> None:
    memory = tokens.Memory()
    connection = connect()
    old, new = (connection.pk, 1), (connection.pk, 2)

    memory.put(old, Grant("of the old", "", frozenset(), 3600))

    assert memory.get(new) is None
    assert memory.get(old)


def test_an_access_token_is_in_no_table_no_log_and_no_repr(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    grants = _note_grants(monkeypatch)
    sandbox.configure(rotation="grace")
    ana = add(first_name="Ana", email="ana@example.com", phone="+4930123456")

    connection = connect()
    work()
    ana.first_name = "Anna"
    ana.save()
    sandbox.expire_tokens()
    wait_is_over(connection)
    work()
    consent.withdraw(ana, door=Door.STAFF)
    sandbox.fault("500", operation="bulk_suppress_profiles", times=1)
    work_through(work)
    secrets = {secret for grant in grants for secret in (grant.access_token, grant.refresh_token)}
    assert len(grants) == 2
    assert not any(rows_with(secret) for secret in secrets)
    connections.fence(connection, EndCause.OWNER)
    work()

    assert not any(rows_with(secret) for secret in secrets)
    assert not any(secret in caplog.text for secret in secrets)
    assert not any(word in caplog.text for word in ("ana@example.com", "Ana", "+4930123456"))
    assert not any(secret in repr((grant, tokens.memory)) for secret in secrets for grant in grants)


def work_through(work: Callable[[], None]) -> None:
    """Past the waits that an answer asked for."""
    work()
    RateBudget.objects.update(blocked_until=None)
    with database.cursor() as cursor:
        cursor.execute("UPDATE klaviyo_clientsync SET due_at = now()")
    work()


def _note_grants(monkeypatch: pytest.MonkeyPatch) -> list[Grant]:
    grants: list[Grant] = []
    refresh = oauth.refresh

    def note(refresh_token: str) -> Grant:
        grants.append(refresh(refresh_token))
        return grants[-1]

    monkeypatch.setattr(oauth, "refresh", note)
    return grants

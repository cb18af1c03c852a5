"""Where access tokens are, and where they are not."""

import logging
import time
from collections.abc import Callable

import pytest
from django.db import connection as database

from clients import consent
from clients.models import ConsentSource
from integrations.klaviyo.api import access_tokens, oauth
from integrations.klaviyo.api.access_tokens import GrantRevokedError
from integrations.klaviyo.api.errors import ThrottledError
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import EndCause, RateLimit
from tests.support.klaviyo.db_scan import rows_with
from tests.support.klaviyo.renewals import wait_is_over
from tests.support.klaviyo.scene import Scene, spend_renewals

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


def test_a_good_token_is_used_until_its_last_minute(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = scene.connect()
    scene.klaviyo.configure(expires_in_s=600)
    first = access_tokens.access_token(connection)
    began = time.monotonic()

    monkeypatch.setattr(time, "monotonic", lambda: began + 530)
    assert access_tokens.access_token(connection) is first
    monkeypatch.setattr(time, "monotonic", lambda: began + 545)
    wait_is_over(connection)
    assert access_tokens.access_token(connection).text != first.text


def test_a_refused_token_is_forgotten_but_not_a_fresher_one(scene: Scene) -> None:
    connection = scene.connect()
    first = access_tokens.access_token(connection)
    wait_is_over(connection)
    second = access_tokens.refresh(connection)

    access_tokens.reject(connection, first)
    assert access_tokens.access_token(connection) is second
    access_tokens.reject(connection, second)
    wait_is_over(connection)
    assert access_tokens.access_token(connection).text not in (first.text, second.text)


def test_with_no_renewal_left_a_token_that_was_accepted_before_has_a_second_chance(
    scene: Scene,
) -> None:
    connection = scene.connect()
    first = access_tokens.access_token(connection)
    first.accepted = True
    spend_renewals()

    access_tokens.reject(connection, first)
    assert access_tokens.access_token(connection) is first
    access_tokens.reject(connection, first)
    with pytest.raises(ThrottledError):
        access_tokens.access_token(connection)


@pytest.mark.parametrize("refusals", [1, 2], ids=["never accepted", "refused by two requests"])
def test_no_token_that_can_not_be_good_has_a_second_chance(scene: Scene, refusals: int) -> None:
    connection = scene.connect()
    token = access_tokens.access_token(connection)
    token.accepted = refusals > 1
    spend_renewals()

    for _ in range(refusals):
        access_tokens.reject(connection, token)
    with pytest.raises(ThrottledError):
        access_tokens.access_token(connection)


def test_a_renewal_that_may_leave_goes_before_a_second_chance(scene: Scene) -> None:
    connection = scene.connect()
    first = access_tokens.access_token(connection)
    first.accepted = True
    wait_is_over(connection)

    access_tokens.reject(connection, first)
    renewed = access_tokens.access_token(connection)
    assert renewed.text != first.text
    access_tokens.reject(connection, renewed)
    spend_renewals()
    with pytest.raises(ThrottledError):  # and not the one before it
        access_tokens.access_token(connection)


def test_trying_a_grant_asks_klaviyo_even_with_a_good_token_at_hand(scene: Scene) -> None:
    connection = scene.connect()
    access_tokens.access_token(connection)
    wait_is_over(connection)
    scene.klaviyo.uninstall(tell=False)

    with pytest.raises(GrantRevokedError):
        access_tokens.refresh(connection)


def test_memory_knows_each_grant_apart(scene: Scene) -> None:
    memory = access_tokens.Memory()
    connection = scene.connect()
    old, new = (connection.pk, 1), (connection.pk, 2)

    memory.put(old, Grant("of the old", "", frozenset(), 3600))

    assert memory.get(new) is None
    assert memory.get(old)


def test_an_access_token_is_in_no_table_no_log_and_no_repr(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    grants = note_grants(monkeypatch)
    scene.klaviyo.configure(rotation="grace")
    ana = scene.add(first_name="Ana", email="ana@example.com", phone="+4930123456")

    connection = scene.sync()
    ana.first_name = "Anna"
    ana.save()
    scene.klaviyo.expire_tokens()
    wait_is_over(connection)
    scene.work()
    consent.withdraw(ana, source=ConsentSource.STAFF)
    scene.klaviyo.fault("500", operation="bulk_suppress_profiles", times=1)
    work_through(scene.work)
    secrets = {secret for grant in grants for secret in (grant.access_token, grant.refresh_token)}
    assert len(grants) == 2
    assert not any(rows_with(secret) for secret in secrets)
    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    scene.work()

    assert not any(rows_with(secret) for secret in secrets)
    assert not any(secret in caplog.text for secret in secrets)
    assert not any(word in caplog.text for word in ("ana@example.com", "Ana", "+4930123456"))
    assert not any(
        secret in repr((grant, access_tokens.memory)) for secret in secrets for grant in grants
    )


def work_through(work: Callable[[], None]) -> None:
    """Past the waits that an answer asked for."""
    work()
    RateLimit.objects.update(blocked_until=None)
    with database.cursor() as cursor:
        cursor.execute("UPDATE klaviyo_clientsync SET due_at = now()")
    work()


def note_grants(monkeypatch: pytest.MonkeyPatch) -> list[Grant]:
    grants: list[Grant] = []
    refresh = oauth.refresh

    def note(refresh_token: str) -> Grant:
        grants.append(refresh(refresh_token))
        return grants[-1]

    monkeypatch.setattr(oauth, "refresh", note)
    return grants

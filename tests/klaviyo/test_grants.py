"""A grant is dead by Klaviyo's own word only."""

from functools import partial

import pytest
from pytest_django import Settings

from integrations.klaviyo import connections, oauth, tokens
from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.api import Account
from integrations.klaviyo.models import Connection, EndCause
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.tokens import Fenced, GrantRevoked, Sealed
from integrations.sealing import keyring
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from tests.klaviyo.conftest import Connect
from tests.klaviyo.renewals import (
    exchanges,
    in_thread_of_its_own,
    wait_is_over,
)

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


def test_an_uninstall_is_heard_of_at_the_next_renewal(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.uninstall(tell=False)

    with pytest.raises(GrantRevoked) as ended:
        tokens.access_token(connection)

    assert ended.value.cause is EndCause.GRANT_DEAD


@pytest.mark.parametrize(
    "fault",
    [
        "500",
        "503",
        "html_200",
        "empty_200",
        "challenge",
        "403",
        "redirect",
        "truncated",
        "reset_before",
        "reset_after",
        "429",
        "429_no_retry_after",
        "401",
    ],
)
def test_no_other_answer_ends_a_connection(
    fault: str, sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault(fault, operation="oauth_refresh", times=1)

    with pytest.raises(Throttled):
        tokens.access_token(connection)

    wait_is_over(connection)
    assert tokens.access_token(connection)


def test_a_time_out_does_not_end_a_connection(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.klaviyo.http.DEADLINE_S", 0.2)
    connection = connect()
    sandbox.fault("hang", operation="oauth_refresh", seconds=1, times=1)

    with pytest.raises(Throttled):
        tokens.access_token(connection)

    connection.refresh_from_db()
    assert not connection.is_fenced


def test_a_wrong_client_secret_is_the_operators_and_ends_no_connection(
    sandbox: SandboxProcess, connect: Connect, settings: Settings
) -> None:
    connection = connect()
    settings.KLAVIYO_CLIENT_SECRET = "wrong"

    with pytest.raises(oauth.ConfigurationRefused):
        tokens.access_token(connection)

    connection.refresh_from_db()
    assert connection.refresh_started_at is None
    assert not connection.is_fenced


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("503", EndCause.RENEWAL_INTERRUPTED),  # it may have renewed, and said so to nobody
        ("reset_after", EndCause.RENEWAL_INTERRUPTED),
        ("429", EndCause.GRANT_DEAD),
        ("challenge", EndCause.GRANT_DEAD),
        ("invalid_client", EndCause.GRANT_DEAD),
    ],
)
def test_the_end_is_called_interrupted_only_where_a_renewal_may_have_been(
    fault: str, cause: EndCause, sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault(fault, operation="oauth_refresh", times=1)
    with pytest.raises((Throttled, oauth.ConfigurationRefused)):
        tokens.refresh(connection)
    wait_is_over(connection)
    sandbox.uninstall(tell=False)

    with pytest.raises(GrantRevoked) as ended:
        tokens.refresh(connection)

    assert ended.value.cause is cause


def test_where_nobody_listened_no_renewal_was_interrupted(
    sandbox: SandboxProcess, connect: Connect, settings: Settings
) -> None:
    connection = connect()
    settings.KLAVIYO_API_URL = "http://127.0.0.1:9"

    with pytest.raises(Throttled):
        tokens.refresh(connection)

    connection.refresh_from_db()
    assert connection.refresh_started_at is None


@in_threads
def test_a_dead_grant_that_was_replaced_meanwhile_ends_nothing(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault("invalid_grant", operation="oauth_refresh", times=1)
    exchange = oauth.refresh

    def widen_meanwhile(refresh_token: str) -> Grant:
        in_thread_of_its_own(partial(_replace_grant, sandbox, connection))
        return exchange(refresh_token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oauth, "refresh", widen_meanwhile)
        with pytest.raises(Throttled):
            tokens.refresh(connection)

    wait_is_over(connection)
    assert tokens.refresh(Connection.objects.get())


@in_threads
def test_a_renewal_of_a_grant_that_was_replaced_meanwhile_is_dropped(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    sandbox.configure(rotation="strict")
    connection = connect()
    exchange = oauth.refresh

    def widen_meanwhile(refresh_token: str) -> Grant:
        grant = exchange(refresh_token)
        in_thread_of_its_own(partial(_replace_grant, sandbox, connection))
        return grant

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oauth, "refresh", widen_meanwhile)
        with pytest.raises(Throttled):
            tokens.refresh(connection)

    row = Connection.objects.get()
    assert tokens.memory.get((row.pk, row.grant_serial)) is None
    wait_is_over(connection)
    assert tokens.refresh(row)  # the new grant's


def test_a_fenced_connection_is_not_renewed(sandbox: SandboxProcess, connect: Connect) -> None:
    connection = connect()
    connections.fence(connection, EndCause.OWNER)

    with pytest.raises(Fenced):
        tokens.refresh(connection)

    assert exchanges(sandbox) == []


# --- Keys -----------------------------------------------------------------------------------------


def test_a_token_sealed_under_a_key_that_went_is_left_as_it_is(
    sandbox: SandboxProcess, connect: Connect, settings: Settings
) -> None:
    connection = connect()
    before = Connection.objects.values().get()
    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS.replace("test:", "other:")

    with pytest.raises(Sealed):
        tokens.access_token(connection)

    assert Connection.objects.values().get() == before
    assert exchanges(sandbox) == []


def test_a_token_moved_from_another_studios_row_is_not_used(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    swapped = keyring().seal("token", "klaviyo refresh token", 4711, connection.pk)
    Connection.objects.update(refresh_token=swapped)

    with pytest.raises(Sealed):
        tokens.access_token(connection)

    assert exchanges(sandbox) == []


def _replace_grant(sandbox: SandboxProcess, connection: Connection) -> None:
    """A second consent, as the callback stores it."""
    owner = connection.connected_by
    assert owner
    answer = sandbox.issue_tokens()
    grant = Grant("", answer["refresh_token"], frozenset(answer["scope"].split()), 3600)
    connections.widen(connection.studio, owner, Account(LOTUS.id, "Lotus"), grant)

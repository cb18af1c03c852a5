"""A grant is dead by Klaviyo's own word only."""

from functools import partial

import pytest
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from integrations.klaviyo.api import access_tokens, oauth
from integrations.klaviyo.api.access_tokens import GrantRevokedError, TokenUnreadableError
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.api.errors import DisconnectingError, ThrottledError
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import Connection, EndCause
from integrations.sealing import keyring
from tests.support.klaviyo.renewals import exchanges, in_thread_of_its_own, wait_is_over
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


def test_an_uninstall_is_heard_of_at_the_next_renewal(scene: Scene) -> None:
    connection = scene.connect()
    scene.klaviyo.uninstall(tell=False)

    with pytest.raises(GrantRevokedError) as ended:
        access_tokens.access_token(connection)

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
def test_no_other_answer_ends_a_connection(fault: str, scene: Scene) -> None:
    connection = scene.connect()
    scene.klaviyo.fault(fault, operation="oauth_refresh", times=1)

    with pytest.raises(ThrottledError):
        access_tokens.access_token(connection)

    wait_is_over(connection)
    assert access_tokens.access_token(connection)


def test_a_time_out_does_not_end_a_connection(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.http.DEADLINE_S", 0.2)
    connection = scene.connect()
    scene.klaviyo.fault("hang", operation="oauth_refresh", seconds=1, times=1)

    with pytest.raises(ThrottledError):
        access_tokens.access_token(connection)

    connection.refresh_from_db()
    assert not connection.is_disconnecting


def test_a_wrong_client_secret_is_the_operators_and_ends_no_connection(
    scene: Scene, settings: Settings
) -> None:
    connection = scene.connect()
    settings.KLAVIYO_CLIENT_SECRET = "wrong"

    with pytest.raises(oauth.ConfigurationRefusedError):
        access_tokens.access_token(connection)

    connection.refresh_from_db()
    assert connection.refresh_started_at is None
    assert not connection.is_disconnecting


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
    fault: str, cause: EndCause, scene: Scene
) -> None:
    connection = scene.connect()
    scene.klaviyo.fault(fault, operation="oauth_refresh", times=1)
    with pytest.raises((ThrottledError, oauth.ConfigurationRefusedError)):
        access_tokens.refresh(connection)
    wait_is_over(connection)
    scene.klaviyo.uninstall(tell=False)

    with pytest.raises(GrantRevokedError) as ended:
        access_tokens.refresh(connection)

    assert ended.value.cause is cause


def test_where_nobody_listened_no_renewal_was_interrupted(scene: Scene, settings: Settings) -> None:
    connection = scene.connect()
    settings.KLAVIYO_API_URL = "http://127.0.0.1:9"

    with pytest.raises(ThrottledError):
        access_tokens.refresh(connection)

    connection.refresh_from_db()
    assert connection.refresh_started_at is None


@in_threads
def test_a_dead_grant_that_was_replaced_meanwhile_ends_nothing(scene: Scene) -> None:
    connection = scene.connect()
    scene.klaviyo.fault("invalid_grant", operation="oauth_refresh", times=1)
    exchange = oauth.refresh

    def add_scopes_meanwhile(refresh_token: str) -> Grant:
        in_thread_of_its_own(partial(replace_grant, scene.klaviyo, connection))
        return exchange(refresh_token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oauth, "refresh", add_scopes_meanwhile)
        with pytest.raises(ThrottledError):
            access_tokens.refresh(connection)

    wait_is_over(connection)
    assert access_tokens.refresh(Connection.objects.get())


@in_threads
def test_a_renewal_of_a_grant_that_was_replaced_meanwhile_is_dropped(scene: Scene) -> None:
    scene.klaviyo.configure(rotation="strict")
    connection = scene.connect()
    exchange = oauth.refresh

    def add_scopes_meanwhile(refresh_token: str) -> Grant:
        grant = exchange(refresh_token)
        in_thread_of_its_own(partial(replace_grant, scene.klaviyo, connection))
        return grant

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oauth, "refresh", add_scopes_meanwhile)
        with pytest.raises(ThrottledError):
            access_tokens.refresh(connection)

    row = Connection.objects.get()
    assert access_tokens.memory.get((row.pk, row.grant_serial)) is None
    wait_is_over(connection)
    assert access_tokens.refresh(row)  # the new grant's


def test_a_disconnecting_connection_is_not_renewed(scene: Scene) -> None:
    connection = scene.connect()
    lifecycle.begin_disconnect(connection, EndCause.OWNER)

    with pytest.raises(DisconnectingError):
        access_tokens.refresh(connection)

    assert exchanges(scene.klaviyo) == []


# --- Keys -----------------------------------------------------------------------------------------


def test_a_token_sealed_under_a_key_that_went_is_left_as_it_is(
    scene: Scene, settings: Settings
) -> None:
    connection = scene.connect()
    before = Connection.objects.values().get()
    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS.replace("test:", "other:")

    with pytest.raises(TokenUnreadableError):
        access_tokens.access_token(connection)

    assert Connection.objects.values().get() == before
    assert exchanges(scene.klaviyo) == []


def test_a_token_moved_from_another_studios_row_is_not_used(scene: Scene) -> None:
    connection = scene.connect()
    swapped = keyring().seal("token", "klaviyo refresh token", 4711, connection.pk)
    Connection.objects.update(refresh_token=swapped)

    with pytest.raises(TokenUnreadableError):
        access_tokens.access_token(connection)

    assert exchanges(scene.klaviyo) == []


def replace_grant(sandbox: SandboxProcess, connection: Connection) -> None:
    """A second consent, as the callback stores it."""
    owner = connection.connected_by
    assert owner
    answer = sandbox.issue_tokens(scope=connection.granted_scopes)
    grant = Grant("", answer["refresh_token"], frozenset(answer["scope"].split()), 3600)
    lifecycle.add_scopes(connection.studio, owner, Account(LOTUS.id, "Lotus"), grant)

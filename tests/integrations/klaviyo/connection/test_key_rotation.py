"""Changing the key while the app serves: nothing is lost, and running it twice is fine."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from integrations.klaviyo.api import access_tokens
from integrations.klaviyo.connection import authorization, key_rotation, lifecycle, teardown
from integrations.klaviyo.models import Connection, EndCause, OAuthAttempt
from integrations.sealing import key_id_of, keyring
from studios.models import Studio, User
from tests.support.klaviyo.histories import in_background
from tests.support.klaviyo.processes import wait_until
from tests.support.klaviyo.renewals import stored, wait_is_over
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)

NEW = "new:" + base64.b64encode(b"n" * 32).decode()
Output = pytest.CaptureFixture[str]


@pytest.fixture
def new_key(settings: Settings) -> Callable[[], None]:
    """Put a new key before the old one, as the operator does."""

    def new_key() -> None:
        settings.TOKEN_ENCRYPTION_KEYS = f"{NEW},{settings.TOKEN_ENCRYPTION_KEYS}"

    return new_key


def rotate(*options: str) -> int:
    """The command's exit code."""
    try:
        call_command("rotate_token_keys", *options)
    except SystemExit as end:
        return int(str(end.code))
    return 0


def key_of_the_token() -> str:
    return key_id_of(Connection.objects.get().refresh_token)


def test_a_token_is_sealed_under_the_new_key_and_stays_the_same(
    scene: Scene, new_key: Callable[[], None], settings: Settings, capsys: Output
) -> None:
    connection = scene.connect()
    before = stored(connection)
    new_key()

    assert rotate() == 0

    assert "refresh tokens: 1 sealed under key new" in capsys.readouterr().out
    settings.TOKEN_ENCRYPTION_KEYS = NEW  # the old key may go now
    assert stored(connection) == before
    assert access_tokens.refresh(connection)


def test_doing_it_twice_changes_nothing_more(
    scene: Scene, new_key: Callable[[], None], capsys: Output
) -> None:
    scene.connect()
    new_key()
    rotate()
    before = Connection.objects.values().get()

    assert rotate() == 0

    assert Connection.objects.values().get() == before
    assert "refresh tokens: 0 sealed" in capsys.readouterr().out.splitlines()[-3]


def test_check_tells_what_is_left_and_changes_nothing(
    scene: Scene, new_key: Callable[[], None], capsys: Output
) -> None:
    scene.connect()
    assert rotate("--check") == 0
    new_key()

    assert rotate("--check") == 1

    assert "1 refresh tokens, 0 verifiers" in capsys.readouterr().out
    assert key_of_the_token() == "test"


def test_somebody_on_the_way_to_klaviyo_can_still_come_back(
    sandbox: SandboxProcess,
    lotus: Studio,
    olive: User,
    new_key: Callable[[], None],
    settings: Settings,
) -> None:
    session = SessionStore()
    url = authorization.start(lotus, olive, session)
    state = url.split("state=")[1].split("&")[0]
    new_key()

    assert rotate() == 0

    settings.TOKEN_ENCRYPTION_KEYS = NEW
    assert authorization.redeem(state, olive, session).verifier


def test_attempts_that_nobody_can_come_back_with_are_let_be(
    sandbox: SandboxProcess, lotus: Studio, olive: User, new_key: Callable[[], None]
) -> None:
    authorization.start(lotus, olive, SessionStore())
    OAuthAttempt.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    new_key()

    assert rotate("--check") == 0


def test_a_connection_that_is_being_ended_can_still_be_revoked_with_the_old_key_gone(
    scene: Scene, new_key: Callable[[], None], settings: Settings
) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.OWNER)
    new_key()

    assert rotate() == 0

    settings.TOKEN_ENCRYPTION_KEYS = NEW
    assert teardown.finish(Connection.objects.get())
    assert scene.klaviyo.grants() == []


def test_what_no_key_opens_is_left_as_it_is_and_told(
    scene: Scene, settings: Settings, capsys: Output
) -> None:
    scene.connect()
    before = Connection.objects.values().get()
    settings.TOKEN_ENCRYPTION_KEYS = NEW

    assert rotate() == 1

    assert "1 that none of the keys opens" in capsys.readouterr().err
    assert Connection.objects.values().get() == before


def test_a_renewal_seals_under_the_new_key_by_itself(
    scene: Scene, new_key: Callable[[], None]
) -> None:
    connection = scene.connect()
    new_key()

    access_tokens.refresh(connection)

    assert key_of_the_token() == "new"
    assert rotate("--check") == 0


@in_threads
def test_a_token_that_is_being_renewed_is_waited_for_and_not_lost(
    scene: Scene, new_key: Callable[[], None]
) -> None:
    scene.klaviyo.configure(rotation="strict")
    connection = scene.connect()
    scene.klaviyo.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(2) as pool:
        renewing = in_background(pool, partial(access_tokens.refresh, Connection.objects.get()))
        wait_until(lambda: scene.klaviyo.request_log(operation="oauth_refresh"))
        new_key()
        rotating = in_background(pool, key_rotation.reseal_tokens)

        scene.klaviyo.clear_faults()
        assert renewing.result(10)
        rotating.result(10)

    assert key_of_the_token() == "new"
    assert keyring().open(Connection.objects.get().refresh_token, *connection.sealing_context)
    wait_is_over(connection)
    assert access_tokens.refresh(connection)
    assert len(scene.klaviyo.grants()) == 1


@in_threads
def test_a_renewal_that_hangs_is_left_for_the_next_time(
    scene: Scene, new_key: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "DEADLINE_S", -1)  # so that a second is all it waits
    scene.connect()
    scene.klaviyo.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(1) as pool:
        renewing = in_background(pool, partial(access_tokens.refresh, Connection.objects.get()))
        wait_until(lambda: scene.klaviyo.request_log(operation="oauth_refresh"))
        new_key()

        assert key_rotation.reseal_tokens().busy == 1

        scene.klaviyo.clear_faults()
        assert renewing.result(10)

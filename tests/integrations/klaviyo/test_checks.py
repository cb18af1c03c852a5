"""What must be right before anything is served: keys that open what is stored, and TLS."""

import base64
import runpy
import sys

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import STAN
from integrations.klaviyo import checks
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.checks import require_keys
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import Connection, EndCause
from studios.models import Studio, User
from tests.support.klaviyo.processes import environment, started
from tests.support.klaviyo.scene import Scene, grant_of

pytestmark = pytest.mark.django_db
in_processes = pytest.mark.django_db(transaction=True)

WRONG = "test:" + base64.b64encode(b"w" * 32).decode()
MISSING = "other:" + base64.b64encode(b"o" * 32).decode()
CELERY = [sys.executable, "-m", "celery", "-A", "junocal", "worker", "--pool", "threads"]
GUNICORN = [sys.executable, "-m", "gunicorn", "junocal.wsgi", "--bind", "127.0.0.1:0"]


def test_the_right_keys_are_enough(scene: Scene) -> None:
    require_keys()
    scene.connect()

    require_keys()


@pytest.mark.parametrize(("keys", "words"), [(WRONG, "not the one"), (MISSING, "doesn't have")])
def test_keys_that_open_nothing_are_told_in_a_sentence_and_change_nothing(
    keys: str, words: str, scene: Scene, settings: Settings
) -> None:
    scene.connect()
    before = Connection.objects.values().get()
    settings.TOKEN_ENCRYPTION_KEYS = keys

    with pytest.raises(ImproperlyConfigured, match=words) as refused:
        require_keys()

    assert "'test'" in str(refused.value)
    assert Connection.objects.values().get() == before


def test_an_old_key_is_needed_until_nothing_lies_under_it(
    scene: Scene, settings: Settings, stans: Studio, stan: User
) -> None:
    scene.connect()
    old = settings.TOKEN_ENCRYPTION_KEYS
    settings.TOKEN_ENCRYPTION_KEYS = f"{MISSING},{old}"
    lifecycle.connect(stans, stan, Account(STAN.id, "Stan's"), grant_of(scene.klaviyo, STAN.id))

    require_keys()

    for one in (old, MISSING):
        settings.TOKEN_ENCRYPTION_KEYS = one
        with pytest.raises(ImproperlyConfigured):
            require_keys()


@pytest.mark.parametrize("token", ["garbage", "v1.test.AAAA"])
def test_one_tampered_row_stops_nobody_else(
    token: str, scene: Scene, stans: Studio, stan: User
) -> None:
    connection = scene.connect()
    lifecycle.connect(stans, stan, Account(STAN.id, "Stan's"), grant_of(scene.klaviyo, STAN.id))
    Connection.objects.filter(pk=connection.pk).update(refresh_token=token)

    require_keys()


def test_a_connection_that_is_being_ended_asks_for_no_key(scene: Scene, settings: Settings) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.OWNER)
    settings.TOKEN_ENCRYPTION_KEYS = MISSING

    require_keys()


@pytest.mark.chaos
@in_processes
@pytest.mark.parametrize("keys", [WRONG, MISSING], ids=["wrong", "missing"])
@pytest.mark.parametrize("command", [CELERY, GUNICORN], ids=["celery", "gunicorn"])
def test_with_such_keys_nothing_starts_and_no_row_changes(
    command: list[str], keys: str, scene: Scene
) -> None:
    scene.connect()
    before = Connection.objects.values().get()

    with started(command, environment(scene.klaviyo, TOKEN_ENCRYPTION_KEYS=keys)) as process:
        said, _ = process.communicate(timeout=30)

    assert process.returncode != 0
    assert (
        "in TOKEN_ENCRYPTION_KEYS is not the one" in said or "which TOKEN_ENCRYPTION_KEYS" in said
    )
    assert Connection.objects.values().get() == before
    assert scene.klaviyo.request_log() == []


@pytest.mark.parametrize("error", [OperationalError, ProgrammingError])
def test_the_web_starts_where_the_database_is_away_or_not_migrated_yet(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask() -> None:
        raise error

    monkeypatch.setattr(checks, "rows_by_key", ask)

    assert runpy.run_module("junocal.wsgi")["application"]


@pytest.mark.parametrize("keys", ["", "no colon", "short:AAAA"])
def test_unreadable_keys_stop_every_command(keys: str, settings: Settings) -> None:
    settings.TOKEN_ENCRYPTION_KEYS = keys

    assert [error.id for error in run_checks()] == ["klaviyo.E001"]


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://a.klaviyo.com", True),
        ("http://127.0.0.1:8001", True),
        ("http://localhost:8001", True),
        ("http://[::1]:8001", True),
        ("http://a.klaviyo.com", False),
        ("http://127.0.0.1.evil.com", False),
        ("ftp://a.klaviyo.com", False),
        ("", False),
    ],
)
def test_tokens_travel_with_tls_or_stay_on_this_machine(
    url: str, is_safe: bool, settings: Settings
) -> None:
    settings.KLAVIYO_API_URL = url

    assert [error.id for error in run_checks()] == ([] if is_safe else ["klaviyo.E002"])

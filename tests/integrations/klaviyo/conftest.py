"""Lotus Yoga connected to the sandbox, and a worker's time slices on demand."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.urls import reverse
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from dev.servers import Valkey
from integrations.klaviyo.api import access_tokens
from integrations.klaviyo.api.breaker import breakers
from integrations.klaviyo.api.health import health
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import Connection
from studios.models import Studio, User
from tests.support.klaviyo.brokers import queue, ring_into
from tests.support.klaviyo.scene import Scene


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    callback = settings.BASE_URL + reverse("klaviyo:callback")
    with SandboxProcess(redirect_uris=(callback,)) as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings: Settings) -> SandboxProcess:
    """The sandbox as on its first day, and Junocal pointed at it."""
    sandbox_process.reset()
    settings.KLAVIYO_API_URL = sandbox_process.url
    settings.KLAVIYO_AUTHORIZE_URL = f"{sandbox_process.url}/oauth/authorize"
    settings.KLAVIYO_CLIENT_ID = sandbox_process.client_id
    settings.KLAVIYO_CLIENT_SECRET = sandbox_process.client_secret
    settings.KLAVIYO_QUARANTINE_S = 0
    access_tokens.memory = access_tokens.Memory()
    breakers.forget()
    health.is_down = False
    return sandbox_process


@pytest.fixture
def scene(sandbox: SandboxProcess, lotus: Studio, olive: User) -> Scene:
    """Nobody is a client yet, and nothing is connected."""
    return Scene(sandbox, lotus, olive)


@pytest.fixture
def synced(scene: Scene) -> Connection:
    """Lotus is connected, and nothing is due."""
    return scene.sync()


@pytest.fixture
def connection(scene: Scene) -> Connection:
    """Lotus is connected; the backfill has yet to begin."""
    return scene.connect()


@pytest.fixture
def three_scopes(scene: Scene) -> Connection:
    """Connected with the base's permissions only: opt-outs can't be suppressed."""
    return scene.connect(scopes=SCOPES)


@pytest.fixture(scope="module")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture
def valkey(valkey_server: Valkey, monkeypatch: pytest.MonkeyPatch) -> Valkey:
    """A broker of our own, empty, for this process's wake-ups."""
    with queue(valkey_server) as broker:
        broker.flushall()
    ring_into(valkey_server, monkeypatch)
    return valkey_server

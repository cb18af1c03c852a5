"""Lotus Yoga connected to the sandbox, and a worker's turn on demand."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo import connections, sweep, tokens
from integrations.klaviyo.api import Account
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.operations import SCOPES, SUPPRESSION_SCOPE
from klaviyo_sandbox.testing import LOTUS, STAN, SandboxProcess
from studios.models import Studio, User
from tests.cast import sign_in

FOUR_SCOPES = (*SCOPES, SUPPRESSION_SCOPE)
AddClient = Callable[..., Client]
Connect = Callable[..., Connection]


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings: Settings) -> SandboxProcess:
    """The sandbox as on its first day, and Junocal pointed at it."""
    sandbox_process.reset()
    sandbox_process.configure(redirect_uris=[settings.BASE_URL + reverse("klaviyo:callback")])
    settings.KLAVIYO_API_URL = sandbox_process.url
    settings.KLAVIYO_AUTHORIZE_URL = f"{sandbox_process.url}/oauth/authorize"
    settings.KLAVIYO_CLIENT_ID = sandbox_process.client_id
    settings.KLAVIYO_CLIENT_SECRET = sandbox_process.client_secret
    settings.KLAVIYO_QUARANTINE_S = 0
    tokens.memory = tokens.Memory()
    return sandbox_process


@pytest.fixture
def connect(sandbox: SandboxProcess, lotus: Studio, olive: User) -> Connect:
    """Connect a studio as the callback does; with the fourth scope unless told otherwise."""

    def connect(
        studio: Studio = lotus, account: str = LOTUS.id, scopes: tuple[str, ...] = FOUR_SCOPES
    ) -> Connection:
        answer = sandbox.issue_tokens(account, " ".join(scopes))
        grant = Grant("", answer["refresh_token"], frozenset(scopes), 3600)
        return connections.connect(studio, olive, Account(account, "Lotus Yoga Berlin"), grant)

    return connect


@pytest.fixture
def add(lotus: Studio) -> AddClient:
    """Add a client of Lotus who agreed to emails."""

    def add(studio: Studio = lotus, **fields: Any) -> Client:
        fields = {"email_opt_in": True} | fields
        return Client.objects.create(studio=studio, **fields)

    return add


@pytest.fixture
def work() -> Callable[[], None]:
    """Workers' turns, until nothing is due."""

    def work() -> None:
        for _ in range(50):
            waiting = sweep.with_work()
            if not waiting:
                return
            for connection in waiting:
                sweep.turn(connection)
        rows = list(ClientSync.objects.due().values("pk", "priority", "reason", "attempts"))
        raise AssertionError(f"work never ends: {rows}")

    return work


def browser_of(user: User) -> Browser:
    browser = Browser()
    sign_in(browser, user)
    return browser


@pytest.fixture
def olives(olive: User) -> Browser:
    """The browser at which Olive is signed in."""
    return browser_of(olive)


__all__ = ["LOTUS", "STAN"]

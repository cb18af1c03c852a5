"""One sandbox process for all tests of this room, as on its first day for each of them."""

from collections.abc import Iterator

import pytest

from dev.klaviyo_sandbox.testing.client import SandboxProcess

THREE_SCOPES = "accounts:read profiles:read profiles:write"


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> SandboxProcess:
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def token(sandbox: SandboxProcess) -> str:
    """An access token to Lotus Yoga's account with the three scopes."""
    return str(sandbox.issue_tokens(scope=THREE_SCOPES)["access_token"])


@pytest.fixture
def wide_token(sandbox: SandboxProcess) -> str:
    """The same with the fourth, which suppressing needs."""
    scope = f"{THREE_SCOPES} subscriptions:write"
    return str(sandbox.issue_tokens(scope=scope)["access_token"])

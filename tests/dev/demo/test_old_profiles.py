"""What the demo puts into the sandbox before anybody connects."""

import json

import pytest

from dev.demo import old_profiles
from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess


def test_old_profiles_are_brought_once_and_the_account_is_the_sandboxes_own() -> None:
    expected = json.loads(old_profiles.PROFILES.read_text())

    with SandboxProcess() as sandbox:
        old_profiles.bring(sandbox.port)
        old_profiles.bring(sandbox.port)
        brought = sandbox.profiles(LOTUS.id)

    assert sorted(one["attributes"]["email"] for one in brought) == sorted(
        one["email"] for one in expected
    )


def test_a_sandbox_that_does_not_answer_is_an_error() -> None:
    with SandboxProcess() as sandbox:
        port = sandbox.port

    with pytest.raises(ConnectionRefusedError):
        old_profiles.bring(port)

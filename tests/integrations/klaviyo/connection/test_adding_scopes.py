"""The second consent meets opt-outs that are on their way just then."""

import pytest

from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.features import suppression
from integrations.klaviyo.models import Connection, Priority
from studios.models import Studio, User
from tests.support.klaviyo.scene import FOUR_SCOPES, Scene, claim

pytestmark = pytest.mark.django_db


def test_a_permission_given_while_klaviyo_refused_an_opt_out_is_used_for_it(
    scene: Scene, lotus: Studio, olive: User
) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync(scopes=SCOPES)
    scene.opt_out(ana)
    (row,) = claim(connection, Priority.OPT_OUT)

    allow_suppression(scene.klaviyo, lotus, olive)
    suppression.suppress([row], Klaviyo(connection))  # with the access token of before
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def allow_suppression(sandbox: SandboxProcess, lotus: Studio, olive: User) -> None:
    answer = sandbox.issue_tokens(LOTUS.id, " ".join(FOUR_SCOPES))
    grant = Grant("", answer["refresh_token"], frozenset(FOUR_SCOPES), 3600)
    name = Connection.objects.get().account_name
    lifecycle.add_scopes(lotus, olive, Account(LOTUS.id, name), grant)

"""The second consent meets opt-outs that are on their way just then."""

from collections.abc import Callable

import pytest

from integrations.klaviyo import connections, optouts, outbox
from integrations.klaviyo.api import Account, Cancelled, Klaviyo
from integrations.klaviyo.models import Connection, Priority
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.operations import SCOPES
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from studios.models import Studio, User
from tests.klaviyo.conftest import FOUR_SCOPES, AddClient, Connect
from tests.klaviyo.scenes import claim, opt_out

pytestmark = pytest.mark.django_db


def test_a_permission_given_while_klaviyo_refused_an_opt_out_is_used_for_it(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Callable[[], None],
    lotus: Studio,
    olive: User,
) -> None:
    ana = add(email="ana@example.com")
    connection = connect(scopes=SCOPES)
    work()
    opt_out(ana)
    (row,) = claim(connection, Priority.OPT_OUT)

    allow_suppression(sandbox, lotus, olive)
    with pytest.raises(Cancelled):
        optouts.suppress([row], Klaviyo(connection))  # with the access token of before
    outbox.release(row)
    work()

    assert sandbox.suppressed() == {"ana@example.com"}


def allow_suppression(sandbox: SandboxProcess, lotus: Studio, olive: User) -> None:
    answer = sandbox.issue_tokens(LOTUS.id, " ".join(FOUR_SCOPES))
    grant = Grant("", answer["refresh_token"], frozenset(FOUR_SCOPES), 3600)
    name = Connection.objects.get().account_name
    connections.widen(lotus, olive, Account(LOTUS.id, name), grant)

"""Allow automatic suppression: a second consent for one more scope, to the same account."""

from typing import Any

import pytest
from django.test import Client as Browser

from integrations.klaviyo import connections
from integrations.klaviyo.models import ClientSync, Connection, EndCause, OAuthAttempt
from integrations.klaviyo.operations import SCOPES, SUPPRESSION_SCOPE
from klaviyo_sandbox.testing import LOTUS, STAN, SandboxProcess
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.consenting import assert_refused, come_back, leave, page, query
from tests.klaviyo.scenes import opt_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_three(connect: Connect) -> Connection:
    return connect(scopes=SCOPES)


def test_the_second_consent_adds_one_scope_only(with_three: Connection, olives: Browser) -> None:
    asked = query(leave(olives, "allow_suppression"))

    assert asked["scope"].split() == [*SCOPES, SUPPRESSION_SCOPE]


def test_once_allowed_the_waiting_opt_outs_are_suppressed(
    with_three: Connection, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Any
) -> None:
    ana = add(email="ana@lotus.test")
    work()
    opt_out(ana)
    work()
    assert ClientSync.objects.opt_outs_waiting().count() == 1
    assert not sandbox.suppressed()

    come_back(olives, sandbox, leave(olives, "allow_suppression"))
    work()

    assert sandbox.suppressed() == {"ana@lotus.test"}
    assert not ClientSync.objects.opt_outs_waiting()
    assert not sandbox.arrivals(operation="oauth_revoke")


def test_it_stays_the_same_connection(
    with_three: Connection, sandbox: SandboxProcess, olives: Browser
) -> None:
    answer = come_back(olives, sandbox, leave(olives, "allow_suppression"))

    connection = Connection.objects.get()
    assert answer["Location"] == page("card")
    assert connection.pk == with_three.pk
    assert connection.may_suppress
    assert connection.connected_at == with_three.connected_at


def test_the_second_consent_from_another_account_is_refused(
    with_three: Connection, sandbox: SandboxProcess, olives: Browser
) -> None:
    answer = come_back(olives, sandbox, leave(olives, "allow_suppression"), account=STAN.id)

    connection = Connection.objects.get()
    assert_refused(answer, "another Klaviyo account")
    assert (connection.account_id, connection.may_suppress) == (LOTUS.id, False)
    assert connection.refresh_token == with_three.refresh_token


def test_denying_the_second_consent_leaves_the_connection_as_it_is(
    with_three: Connection, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Any
) -> None:
    answer = come_back(olives, sandbox, leave(olives, "allow_suppression"), allow=False)
    kept = Connection.objects.get()
    add(email="ana@lotus.test")
    work()

    assert_refused(answer, "You did not allow it")
    assert kept.refresh_token == with_three.refresh_token
    assert sandbox.profile("ana@lotus.test")


def test_the_second_consent_needs_a_connection(sandbox: SandboxProcess, olives: Browser) -> None:
    answer = olives.post(page("allow_suppression"))

    assert answer["Location"] == page("card")
    assert not OAuthAttempt.objects.exists()


def test_the_second_consent_after_a_disconnect_connects_nothing(
    with_three: Connection, sandbox: SandboxProcess, olives: Browser, work: Any
) -> None:
    url = leave(olives, "allow_suppression")
    connections.fence(with_three, EndCause.OWNER)

    answer = come_back(olives, sandbox, url)

    assert answer.status_code == 400
    assert not Connection.objects.live()

"""What leads to no connection: nothing is stored, and a page says what to do."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client as Browser
from django.utils import timezone

from dev.klaviyo_sandbox.testing.client import STAN, SandboxProcess
from integrations.klaviyo.connection import authorization, lifecycle
from integrations.klaviyo.models import Connection, OAuthAttempt
from studios.models import Membership, Role, Studio, User
from tests.support.cast import browser_of
from tests.support.klaviyo.oauth_steps import (
    CALLBACK,
    assert_refused,
    come_back,
    integrations_page,
    leave,
    local,
    query,
    says,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_on_its_way")]


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_denial_stores_nothing(sandbox: SandboxProcess, olives: Browser) -> None:
    answer = come_back(olives, sandbox, leave(olives), allow=False)

    assert_refused(answer, "You did not allow it")
    assert integrations_page() in says(answer)
    assert not sandbox.grants()


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("state", ["", "unknown", "\0", "x" * 5000, "ünïcode", "\ud83d"])
def test_a_state_that_nobody_made_is_refused(
    sandbox: SandboxProcess, olives: Browser, state: str
) -> None:
    code = query(sandbox.authorize(leave(olives)))["code"]
    asked = urlencode({"code": code, "state": state}, errors="surrogatepass")

    answer = olives.get(f"{CALLBACK}?{asked}")

    assert_refused(answer, "no longer valid")
    assert not sandbox.grants()


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_callback_without_state_is_refused(sandbox: SandboxProcess, olives: Browser) -> None:
    code = query(sandbox.authorize(leave(olives)))["code"]

    assert_refused(olives.get(CALLBACK, {"code": code}), "no longer valid")


def test_a_state_works_once(sandbox: SandboxProcess, olives: Browser) -> None:
    back = local(sandbox.authorize(leave(olives)))
    olives.get(back)
    Connection.objects.all().delete()

    answer = olives.get(back)

    assert_refused(answer, "no longer valid")
    assert not Connection.objects.exists()


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("name", ["state", "code"])
def test_a_parameter_that_comes_twice_is_refused(
    sandbox: SandboxProcess, olives: Browser, name: str
) -> None:
    back = local(sandbox.authorize(leave(olives)))

    assert_refused(olives.get(f"{back}&{name}={query(back)[name]}"), "no longer valid")


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_state_of_yesterday_is_refused_and_spent(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    made = timezone.now() - authorization.LIFE - timedelta(seconds=1)
    OAuthAttempt.objects.update(created_at=made)

    answer = olives.get(back)

    assert_refused(answer, "no longer valid")
    assert OAuthAttempt.objects.get().used_at


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_state_of_another_session_is_refused_and_spent(
    sandbox: SandboxProcess, olives: Browser, olive: User
) -> None:
    back = local(sandbox.authorize(leave(olives)))

    elsewhere = browser_of(olive).get(back)
    here = olives.get(back)

    assert_refused(elsewhere, "no longer valid")
    assert_refused(here, "no longer valid")


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_code_cannot_be_slipped_into_somebody_elses_session(
    sandbox: SandboxProcess, olives: Browser, stan: User
) -> None:
    """Login CSRF: Stan sends Olive the way back that was made for him."""
    back = local(sandbox.authorize(leave(browser_of(stan), slug="stans"), account=STAN.id))

    answer = olives.get(back)

    assert_refused(answer, "no longer valid")
    assert not sandbox.grants(STAN.id)


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_state_of_the_same_session_under_another_user_is_refused(
    sandbox: SandboxProcess, olives: Browser, olive: User, stan: User
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    OAuthAttempt.objects.update(user=stan)

    assert_refused(olives.get(back), "no longer valid")


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("role", [Role.FRONT_DESK, Role.INSTRUCTOR, None])
def test_who_no_longer_owns_the_studio_connects_nothing(
    sandbox: SandboxProcess, olives: Browser, olive: User, lotus: Studio, role: Role | None
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    membership = Membership.objects.filter(studio=lotus, user=olive)
    membership.update(role=role) if role else membership.delete()

    answer = olives.get(back)

    assert_refused(answer, "Only an owner can do this")
    assert not sandbox.grants()


@pytest.mark.usefixtures("nothing_is_stored")
def test_an_owner_demoted_while_the_code_is_exchanged_connects_nothing(
    sandbox: SandboxProcess,
    olives: Browser,
    olive: User,
    lotus: Studio,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    connect = lifecycle.connect

    def demoted_just_now(*args: Any) -> Connection:
        Membership.objects.filter(studio=lotus, user=olive).update(role=Role.FRONT_DESK)
        return connect(*args)

    monkeypatch.setattr(lifecycle, "connect", demoted_just_now)

    assert_refused(olives.get(back), "Only an owner can do this")


@pytest.mark.usefixtures("nothing_is_stored")
def test_an_attempt_for_one_studio_connects_no_other(
    sandbox: SandboxProcess, olives: Browser, olive: User, stans: Studio
) -> None:
    """Olive owns both for a moment: she is thrown out of the one that the state names."""
    Membership.objects.create(studio=stans, user=olive, role=Role.OWNER)
    back = local(sandbox.authorize(leave(olives, slug="stans")))
    Membership.objects.filter(studio=stans, user=olive).delete()

    assert_refused(olives.get(back), "Only an owner can do this")


@pytest.mark.usefixtures("nothing_is_stored")
def test_fewer_scopes_than_asked_for_connect_nothing(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    sandbox.configure(granted_scopes=["accounts:read", "profiles:write"])

    answer = come_back(olives, sandbox, leave(olives))

    assert_refused(answer, "Klaviyo granted too little")


@pytest.mark.usefixtures("nothing_is_stored")
@pytest.mark.parametrize("operation", ["oauth_exchange", "get_accounts"])
@pytest.mark.parametrize("fault", ["500", "challenge", "reset_before", "reset_after", "429"])
def test_where_klaviyo_gives_no_usable_answer_nothing_is_stored(
    sandbox: SandboxProcess, olives: Browser, operation: str, fault: str
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    sandbox.fault(fault, operation=operation)

    answer = olives.get(back)

    assert_refused(answer, "Klaviyo did not answer")
    assert not sandbox.request_log(operation="oauth_revoke")


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_code_that_is_not_klaviyos_connects_nothing(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    state = query(leave(olives))["state"]

    assert_refused(olives.get(CALLBACK, {"code": "made up", "state": state}), "did not answer")


def test_a_crowded_second_at_klaviyo_is_waited_for(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    sandbox.fault("429", operation="get_accounts", times=1)

    assert olives.get(back)["Location"] == integrations_page()


def test_after_a_failure_another_try_connects(sandbox: SandboxProcess, olives: Browser) -> None:
    sandbox.fault("500", operation="get_accounts", times=1)
    failed = come_back(olives, sandbox, leave(olives))

    again = come_back(olives, sandbox, leave(olives))

    assert (failed.status_code, again.status_code) == (400, 302)
    assert Connection.objects.count() == 1


def test_signed_out_meanwhile_one_signs_in_and_begins_again(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    olives.logout()

    answer = olives.get(back)

    assert answer["Location"].startswith("/accounts/login/?next=")
    assert not Connection.objects.exists()

"""To Klaviyo's consent page and back: connected wholly, or nothing stored and a page saying so."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from integrations.klaviyo import attempts, connections
from integrations.klaviyo.models import ClientSync, Connection, EndCause, OAuthAttempt
from integrations.klaviyo.operations import SCOPES, SUPPRESSION_SCOPE
from klaviyo_sandbox.testing import LOTUS, STAN, SandboxProcess
from studios.models import Membership, Role, Studio, User
from tests.at_once import at_once
from tests.cast import sign_in
from tests.klaviyo.conftest import AddClient, Connect, browser_of
from tests.klaviyo.scenes import opt_out

pytestmark = pytest.mark.django_db

Answer = Any  # a response, as the test client makes it

CALLBACK = "/integrations/klaviyo/callback/"
INSTALL = "/integrations/klaviyo/install/"


@pytest.fixture(autouse=True)
def registered_address(sandbox: SandboxProcess, settings: Settings) -> None:
    sandbox.configure(redirect_uris=[settings.BASE_URL + CALLBACK])


def page(name: str, slug: str = "lotus") -> str:
    return reverse(f"klaviyo:{name}", args=[slug])


def leave(browser: Browser, name: str = "connect", slug: str = "lotus") -> str:
    """Press the button; the address of Klaviyo's consent page."""
    answer = browser.post(page(name, slug))
    assert answer.status_code == 302
    return str(answer["Location"])


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def come_back(browser: Browser, sandbox: SandboxProcess, url: str, **choice: Any) -> Answer:
    """Choose on Klaviyo's page, and follow where it sends the browser."""
    return browser.get(local(sandbox.authorize(url, **choice)))


def local(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def says(answer: Answer) -> str:
    return " ".join(answer.content.decode().split())


def assert_refused(answer: Answer, words: str) -> None:
    """A clear page with a way on, and nothing stored."""
    assert answer.status_code == 400
    assert words in says(answer)
    assert "Try again" in says(answer)
    assert "no-store" in answer["Cache-Control"]


@pytest.fixture
def nothing_is_stored() -> Iterator[None]:
    yield
    assert not Connection.objects.exists()


# --- There and back -------------------------------------------------------------------------------


def test_klaviyo_is_asked_for_exactly_three_scopes_with_pkce(
    sandbox: SandboxProcess, olives: Browser, settings: Settings
) -> None:
    url = leave(olives)

    asked = query(url)
    assert url.startswith(settings.KLAVIYO_AUTHORIZE_URL + "?")
    assert asked["scope"] == "accounts:read profiles:read profiles:write"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["response_type"] == "code"
    assert asked["client_id"] == settings.KLAVIYO_CLIENT_ID
    assert asked["redirect_uri"] == settings.BASE_URL + CALLBACK
    assert len(asked["state"]) >= 43


def test_every_attempt_has_its_own_state_and_verifier(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    first, second = query(leave(olives)), query(leave(olives))

    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


def test_what_is_kept_of_an_attempt_gives_no_state_and_no_verifier_away(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    state = query(leave(olives))["state"]

    kept = OAuthAttempt.objects.get()
    assert kept.state_hash == hashlib.sha256(state.encode()).hexdigest()
    assert kept.verifier.startswith("v1.")


def test_coming_back_connects_and_the_card_says_as_whom(
    sandbox: SandboxProcess, olives: Browser, olive: User
) -> None:
    answer = come_back(olives, sandbox, leave(olives))

    connection = Connection.objects.get()
    card = says(olives.get(answer["Location"]))
    assert answer["Location"] == page("card")
    assert f"Connected as <strong>{LOTUS.organization}</strong>" in card
    assert "by Olive Okafor" in card
    assert (connection.account_id, connection.connected_by) == (LOTUS.id, olive)
    assert set(connection.granted_scopes.split()) == set(SCOPES)


def test_the_clients_are_on_their_way_at_once(
    sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Any
) -> None:
    add(email="ana@lotus.test")

    come_back(olives, sandbox, leave(olives))
    work()

    assert sandbox.profile("ana@lotus.test")


# --- What leads to nothing ------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_denial_stores_nothing(sandbox: SandboxProcess, olives: Browser) -> None:
    answer = come_back(olives, sandbox, leave(olives), allow=False)

    assert_refused(answer, "You did not allow it")
    assert page("card") in says(answer)
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
def test_a_state_of_yesterday_is_refused_and_spent(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    made = timezone.now() - attempts.LIFE - timedelta(seconds=1)
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
    connect = connections.connect

    def demoted_just_now(*args: Any) -> Connection:
        Membership.objects.filter(studio=lotus, user=olive).update(role=Role.FRONT_DESK)
        return connect(*args)

    monkeypatch.setattr(connections, "connect", demoted_just_now)

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
    assert not sandbox.arrivals(operation="oauth_revoke")


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

    assert olives.get(back)["Location"] == page("card")


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


# --- Twice, and two studios -----------------------------------------------------------------------


def test_two_tabs_make_one_connection(sandbox: SandboxProcess, olives: Browser) -> None:
    first, second = leave(olives), leave(olives)
    come_back(olives, sandbox, first)
    connected = Connection.objects.get()

    answer = come_back(olives, sandbox, second)

    assert_refused(answer, "connected already")
    assert Connection.objects.get() == connected


@pytest.mark.django_db(transaction=True)
def test_two_ways_back_at_once_make_one_connection(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    back = [local(sandbox.authorize(leave(olives))) for _ in range(2)]
    tabs = [browser_with_the_session_of(olives) for _ in back]

    answers = at_once(
        lambda: tabs[0].get(back[0]).status_code, lambda: tabs[1].get(back[1]).status_code
    )

    assert sorted(str(answer) for answer in answers) == ["302", "400"]
    assert Connection.objects.count() == 1


def browser_with_the_session_of(browser: Browser) -> Browser:
    tab = Browser()
    tab.cookies.update(browser.cookies)
    return tab


def test_an_account_serves_one_studio_and_the_first_goes_on_working(
    sandbox: SandboxProcess, olives: Browser, stan: User, stans: Studio, work: Any
) -> None:
    stans_browser = browser_of(stan)
    come_back(stans_browser, sandbox, leave(stans_browser, slug="stans"), account=STAN.id)

    refused = come_back(olives, sandbox, leave(olives), account=STAN.id)
    stans.clients.create(email="kim@stans.test", email_opt_in=True)
    work()

    assert_refused(refused, "Another studio uses this Klaviyo account")
    assert Connection.objects.get().studio == stans
    assert sandbox.profile("kim@stans.test", account=STAN.id)
    assert not sandbox.arrivals(operation="oauth_revoke")


def test_connecting_while_connected_is_refused(connect: Connect, olives: Browser) -> None:
    connection = connect()

    answer = olives.post(page("connect"))

    assert answer.status_code == 400
    assert "connected already" in says(answer)
    assert Connection.objects.get() == connection
    assert not OAuthAttempt.objects.exists()


def test_connecting_while_disconnecting_is_refused(
    connect: Connect, olives: Browser, work: Any
) -> None:
    connections.fence(connect(), EndCause.OWNER)

    during = olives.post(page("connect"))
    work()
    after = olives.post(page("connect"))

    assert during.status_code == 400
    assert after.status_code == 302


def test_a_way_back_from_before_the_disconnecting_ended_connects_nothing(
    sandbox: SandboxProcess, olives: Browser, connect: Connect
) -> None:
    url = leave(olives)
    connection = connect()
    connections.fence(connection, EndCause.OWNER)

    answer = come_back(olives, sandbox, url)

    assert_refused(answer, "connected already")
    assert Connection.objects.get() == connection


# --- Allow automatic suppression ------------------------------------------------------------------


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


# --- From Klaviyo's directory ---------------------------------------------------------------------


def test_the_install_address_leads_an_owner_to_the_card(olives: Browser) -> None:
    assert olives.get(INSTALL)["Location"] == page("card")


def test_an_owner_of_several_studios_chooses(olives: Browser, olive: User, stans: Studio) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.OWNER)

    answer = olives.get(INSTALL)

    assert page("card") in says(answer)
    assert page("card", "stans") in says(answer)


def test_a_studio_that_one_only_works_in_is_not_offered(
    olives: Browser, olive: User, stans: Studio
) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.FRONT_DESK)

    assert olives.get(INSTALL)["Location"] == page("card")


def test_who_owns_no_studio_is_told_so(fay: User) -> None:
    answer = browser_of(fay).get(INSTALL)

    assert "Only an owner can connect Klaviyo" in says(answer)


def test_signed_out_the_install_address_leads_to_sign_in_and_back(olive: User) -> None:
    browser = Browser()

    answer = browser.get(INSTALL)
    sign_in(browser, olive)
    after = browser.get(query(answer["Location"])["next"])

    assert answer["Location"].startswith("/accounts/login/")
    assert after["Location"] == page("card")

"""To Klaviyo's consent page and back: a whole connection, and one only."""

import hashlib

import pytest
from django.test import Client as Browser
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import LOTUS, STAN, SandboxProcess
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import Connection, EndCause, OAuthAttempt
from studios.models import Membership, Role, Studio, User
from tests.support.cast import browser_of, sign_in
from tests.support.klaviyo.oauth_steps import (
    CALLBACK,
    assert_refused,
    come_back,
    integrations_page,
    leave,
    local,
    page,
    query,
    says,
)
from tests.support.klaviyo.scene import Scene
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db

INSTALL = "/integrations/klaviyo/install/"


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
    assert answer["Location"] == integrations_page()
    assert f"Connected as <strong>{LOTUS.organization}</strong>" in card
    assert "by Olive Okafor" in card
    assert (connection.account_id, connection.connected_by) == (LOTUS.id, olive)
    assert set(connection.granted_scopes.split()) == set(SCOPES)


def test_the_clients_are_on_their_way_at_once(scene: Scene, olives: Browser) -> None:
    scene.add(email="ana@lotus.test")

    come_back(olives, scene.klaviyo, leave(olives))
    scene.work()

    assert scene.klaviyo.profile("ana@lotus.test")


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
    scene: Scene, olives: Browser, stan: User, stans: Studio
) -> None:
    stans_browser = browser_of(stan)
    come_back(stans_browser, scene.klaviyo, leave(stans_browser, slug="stans"), account=STAN.id)

    refused = come_back(olives, scene.klaviyo, leave(olives), account=STAN.id)
    stans.clients.create(email="kim@stans.test", email_opt_in=True)
    scene.work()

    assert_refused(refused, "Another studio uses this Klaviyo account")
    assert Connection.objects.get().studio == stans
    assert scene.klaviyo.profile("kim@stans.test", account=STAN.id)
    assert not scene.klaviyo.request_log(operation="oauth_revoke")


def test_connecting_while_connected_is_refused(scene: Scene, olives: Browser) -> None:
    connection = scene.connect()

    answer = olives.post(page("connect"))

    assert answer.status_code == 400
    assert "connected already" in says(answer)
    assert Connection.objects.get() == connection
    assert not OAuthAttempt.objects.exists()


def test_connecting_while_disconnecting_is_refused(scene: Scene, olives: Browser) -> None:
    lifecycle.begin_disconnect(scene.connect(), EndCause.OWNER)

    during = olives.post(page("connect"))
    scene.work()
    after = olives.post(page("connect"))

    assert during.status_code == 400
    assert after.status_code == 302


def test_a_way_back_from_before_the_disconnecting_ended_connects_nothing(
    scene: Scene, olives: Browser
) -> None:
    url = leave(olives)
    connection = scene.connect()
    lifecycle.begin_disconnect(connection, EndCause.OWNER)

    answer = come_back(olives, scene.klaviyo, url)

    assert_refused(answer, "connected already")
    assert Connection.objects.get() == connection


# --- From Klaviyo's directory ---------------------------------------------------------------------


def test_the_install_address_leads_an_owner_to_the_card(olives: Browser) -> None:
    assert olives.get(INSTALL)["Location"] == integrations_page()


def test_an_owner_of_several_studios_chooses(olives: Browser, olive: User, stans: Studio) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.OWNER)

    answer = olives.get(INSTALL)

    assert integrations_page() in says(answer)
    assert integrations_page("stans") in says(answer)


def test_a_studio_that_one_only_works_in_is_not_offered(
    olives: Browser, olive: User, stans: Studio
) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.FRONT_DESK)

    assert olives.get(INSTALL)["Location"] == integrations_page()


def test_who_owns_no_studio_is_told_so(fay: User) -> None:
    answer = browser_of(fay).get(INSTALL)

    assert "Only an owner can connect Klaviyo" in says(answer)


def test_signed_out_the_install_address_leads_to_sign_in_and_back(olive: User) -> None:
    browser = Browser()

    answer = browser.get(INSTALL)
    sign_in(browser, olive)
    after = browser.get(query(answer["Location"])["next"])

    assert answer["Location"].startswith("/accounts/login/")
    assert after["Location"] == integrations_page()

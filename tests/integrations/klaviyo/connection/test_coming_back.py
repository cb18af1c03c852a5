"""The way back from Klaviyo asked for once more, by the same browser and by others."""

from datetime import timedelta

import pytest
from django.test import Client as Browser

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from integrations.klaviyo.connection import authorization
from integrations.klaviyo.models import Connection
from studios.models import User
from tests.support.cast import browser_of
from tests.support.klaviyo.oauth_steps import (
    assert_refused,
    integrations_page,
    leave,
    local,
)
from tests.support.threads import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_is_on_its_way")]


def test_the_rightful_browser_that_comes_back_once_more_is_led_to_the_card(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    olives.get(back)

    again = olives.get(back)

    assert (again.status_code, again["Location"]) == (302, integrations_page())
    assert Connection.objects.count() == 1


def test_another_browser_with_the_same_address_is_told_nothing(
    sandbox: SandboxProcess, olives: Browser, olive: User
) -> None:
    back = local(sandbox.authorize(leave(olives)))
    olives.get(back)

    assert_refused(browser_of(olive).get(back), "no longer valid")


@pytest.mark.django_db(transaction=True)
def test_the_callback_loaded_twice_at_once_ends_at_the_card_both_times(
    sandbox: SandboxProcess, olives: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorization, "STILL_ON_ITS_WAY", timedelta(seconds=30))
    back = local(sandbox.authorize(leave(olives)))
    twin = Browser()
    twin.cookies = olives.cookies
    sandbox.fault("delay", operation="get_accounts", seconds=0.5)

    answers = at_once(lambda: olives.get(back), lambda: twin.get(back))

    assert [answer["Location"] for answer in answers] == [integrations_page()] * 2  # type: ignore[index]


@pytest.mark.usefixtures("nothing_is_stored")
def test_a_denial_looked_at_once_more_connects_nothing_either(
    sandbox: SandboxProcess, olives: Browser
) -> None:
    back = local(sandbox.authorize(leave(olives), allow=False))
    olives.get(back)

    assert_refused(olives.get(back), "no longer valid")


def test_a_prefetch_spends_nothing(sandbox: SandboxProcess, olives: Browser) -> None:
    back = local(sandbox.authorize(leave(olives)))

    looked = olives.get(back, headers={"Sec-Purpose": "prefetch;prerender"})

    assert looked.status_code == 204
    assert not Connection.objects.exists()
    assert olives.get(back)["Location"] == integrations_page()

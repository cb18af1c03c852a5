"""The first minutes of an owner: what is left to do, until it is done or put away."""

import re
from collections.abc import Sequence

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from integrations.klaviyo.models import Connection
from studios.models import Membership, Role, Studio, User

pytestmark = pytest.mark.django_db

LIST = "/s/lotus/clients/"
PUT_AWAY = f"{LIST}first-steps/put-away/"


@pytest.fixture(autouse=True)
def new(lotus: Studio, olive: User) -> None:
    """Olive has just signed up, and is alone."""
    Studio.objects.filter(pk=lotus.pk).update(postal_address="", first_steps_over_at=None)
    EmailAddress.objects.filter(user=olive).update(verified=False)
    Membership.objects.filter(studio=lotus).exclude(user=olive).delete()


def open_steps(browser: Browser) -> Sequence[str]:
    html = " ".join(browser.get(LIST).content.decode().split())
    steps = html.partition('class="first-steps__list"')[2].partition("</ol>")[0]
    return re.findall(r'<a href="[^"]+">([^<]+)</a>', steps)


def test_each_step_is_gone_once_it_is_done(
    lotus: Studio, olive: User, olives: Browser, fay_outside: User
) -> None:
    assert open_steps(olives) == [
        "Confirm your email address",
        "Add the studio&#x27;s postal address",
        "Bring your clients",
        "Invite the front desk",
        "Connect Klaviyo",
    ]

    EmailAddress.objects.filter(user=olive).update(verified=True)
    Studio.objects.filter(pk=lotus.pk).update(postal_address="Lotus Road 1")
    Client.objects.create(studio=lotus, first_name="Ana")
    assert open_steps(olives) == ["Invite the front desk", "Connect Klaviyo"]

    Membership.objects.create(studio=lotus, user=fay_outside, role=Role.FRONT_DESK)
    assert open_steps(olives) == ["Connect Klaviyo"]


def test_when_all_is_done_nothing_is_left_nor_asked_again(
    lotus: Studio, olives: Browser, synced: Connection, fay_outside: User
) -> None:
    EmailAddress.objects.update(verified=True)
    Studio.objects.filter(pk=lotus.pk).update(postal_address="Lotus Road 1")
    Client.objects.create(studio=lotus, first_name="Ana")
    Membership.objects.create(studio=lotus, user=fay_outside, role=Role.FRONT_DESK)

    assert open_steps(olives) == []

    synced.delete()
    assert open_steps(olives) == []


def test_put_away_it_stays_away_and_asks_nothing(olives: Browser) -> None:
    assert asks_for_addresses(olives)

    assert olives.post(PUT_AWAY).status_code == 302

    html = olives.get(LIST).content.decode()
    assert "First steps" not in html
    assert "Until then Junocal sends no welcome emails." in html
    assert not asks_for_addresses(olives)


def asks_for_addresses(browser: Browser) -> bool:
    with CaptureQueriesContext(connection) as asked:
        browser.get(LIST)
    return any("account_emailaddress" in one["sql"] for one in asked)


def test_the_desk_has_none(lotus: Studio, fay_outside: User) -> None:
    Membership.objects.create(studio=lotus, user=fay_outside, role=Role.FRONT_DESK)
    desk = Browser()
    desk.force_login(fay_outside)

    assert "First steps" not in desk.get(LIST).content.decode()
    assert desk.post(PUT_AWAY).status_code == 403


@pytest.fixture
def fay_outside(db: None) -> User:
    return User.objects.create_user("fay@outside.example", name="Fay")

"""The cast: Olive owns Lotus Yoga, Fay is at its front desk, Ian teaches there, Stan is a stranger.

Plain functions make more of each kind; fixtures hand out the people everybody knows.
"""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client as Browser

from studios.models import Membership, Role, Studio, User

PASSWORD = "a quiet room at noon"


def make_studio(name: str = "Lotus Yoga", slug: str = "lotus", **fields: Any) -> Studio:
    place = {"country": "DE", "timezone": "Europe/Berlin", "postal_address": "Lotusweg 8, Berlin"}
    fields = place | fields
    return Studio.objects.create(name=name, slug=slug, **fields)


def make_user(name: str, email: str = "", *, verified: bool = True, **fields: Any) -> User:
    """A person who can sign in with `PASSWORD`."""
    email = email or f"{name.split()[0].lower()}@studio.test"
    user = User.objects.create_user(email, PASSWORD, name=name, **fields)
    EmailAddress.objects.create(user=user, email=email, verified=verified, primary=True)
    return user


def make_member(studio: Studio, role: Role, name: str, email: str = "", **fields: Any) -> User:
    user = make_user(name, email, **fields)
    Membership.objects.create(studio=studio, user=user, role=role)
    return user


def sign_in(client: Browser, user: User) -> None:
    """The browser is signed in from here on; `test_sign_in.py` goes the long way."""
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def browser_of(user: User) -> Browser:
    """A browser at which this person is signed in."""
    browser = Browser()
    sign_in(browser, user)
    return browser


@pytest.fixture
def lotus(db: None) -> Studio:
    return make_studio()


@pytest.fixture
def olive(lotus: Studio) -> User:
    return make_member(lotus, Role.OWNER, "Olive Okafor")


@pytest.fixture
def fay(lotus: Studio) -> User:
    return make_member(lotus, Role.FRONT_DESK, "Fay Lindqvist")


@pytest.fixture
def ian(lotus: Studio) -> User:
    return make_member(lotus, Role.INSTRUCTOR, "Ian Moreau")


@pytest.fixture
def stans(db: None) -> Studio:
    return make_studio("Stan's Pilates", "stans", country="GB", timezone="Europe/London")


@pytest.fixture
def stan(stans: Studio) -> User:
    return make_member(stans, Role.OWNER, "Stan Whitlock")


@pytest.fixture
def olives(olive: User) -> Browser:
    """The browser at which Olive is signed in."""
    return browser_of(olive)


@pytest.fixture
def fays(fay: User) -> Browser:
    """The browser at which Fay is signed in."""
    return browser_of(fay)

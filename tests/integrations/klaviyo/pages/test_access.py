"""Who may do what: every Klaviyo address, for every role, by every method."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import URLPattern, reverse

from clients.models import Client
from integrations.klaviyo import urls
from integrations.klaviyo.models import ClientSync, Connection, OAuthAttempt
from studios.models import Studio, User
from tests.support.cast import browser_of
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db

Answer = Any  # a response, as the test client makes it

ANYBODYS = {"callback", "install", "webhook", "help"}  # not inside a studio
OF_A_CLIENT = {"send_again"}
POSTED = {
    "connect",
    "allow_suppression",
    "pause",
    "resume",
    "test",
    "retry_all",
    "try_now",
    "send_again",
}
ELSEWHERE = {"card"}  # shows itself on the Integrations page
READ = {
    "panel",
    "attention",
    "not_sent",
    "opt_outs",
    "opt_outs_csv",
    "attention_csv",
    "not_sent_csv",
}
BOTH = {"disconnect"}
STUDIOS = sorted(POSTED | READ | BOTH | ELSEWHERE)
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def address(name: str, client_id: uuid.UUID | None = None, slug: str = "lotus") -> str:
    args = [slug, client_id or uuid.uuid4()] if name in OF_A_CLIENT else [slug]
    return reverse(f"klaviyo:{name}", args=args)


def ask(browser: Browser, method: str, url: str) -> Answer:
    return getattr(browser, method)(url)


@pytest.fixture
def connected(scene: Scene) -> Client:
    """Lotus is connected, and Ana waits to be sent."""
    client = scene.add(email="ana@lotus.test")
    scene.connect()
    return client


def everything() -> list[object]:
    """What a forbidden request must leave as it is."""
    return [
        *Connection.objects.order_by("pk").values(),
        *ClientSync.objects.order_by("pk").values(),
        *OAuthAttempt.objects.values(),
    ]


def test_this_file_knows_every_address() -> None:
    names = {
        pattern.name
        for pattern in [*urls.klaviyo_urls, *urls.urlpatterns]
        if isinstance(pattern, URLPattern)
    }

    assert names == set(STUDIOS) | ANYBODYS


@pytest.mark.parametrize("name", STUDIOS)
def test_front_desk_and_instructors_may_not(
    connected: Client, fay: User, ian: User, name: str
) -> None:
    before = everything()

    for browser in (browser_of(fay), browser_of(ian)):
        for method in METHODS:
            answer = ask(browser, method, address(name, connected.public_id))
            assert answer.status_code == 403

    assert everything() == before


@pytest.mark.parametrize("name", STUDIOS)
def test_to_a_stranger_the_studio_does_not_exist(connected: Client, stan: User, name: str) -> None:
    before = everything()
    browser = browser_of(stan)

    for method in METHODS:
        known = ask(browser, method, address(name, connected.public_id))
        unknown = ask(browser, method, address(name, slug="nowhere"))
        assert known.status_code == unknown.status_code == 404
        assert body(known) == body(unknown)

    assert everything() == before


@pytest.mark.parametrize("name", STUDIOS)
def test_signed_out_one_is_sent_to_sign_in(connected: Client, name: str) -> None:
    before = everything()

    for method in METHODS:
        answer = ask(Browser(), method, address(name, connected.public_id))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=/s/lotus/")

    assert everything() == before


@pytest.mark.parametrize("name", sorted(POSTED))
def test_what_changes_something_is_posted(connected: Client, olives: Browser, name: str) -> None:
    before = everything()

    for method in ("get", "head", "put", "delete"):
        assert ask(olives, method, address(name, connected.public_id)).status_code == 405

    assert everything() == before


@pytest.mark.parametrize("name", sorted(READ))
def test_what_is_read_changes_nothing(connected: Client, olives: Browser, name: str) -> None:
    before = everything()

    assert ask(olives, "get", address(name)).status_code == 200
    assert ask(olives, "post", address(name)).status_code == 405
    assert everything() == before


def test_the_card_stands_on_the_integrations_page(olives: Browser) -> None:
    answer = olives.get(address("card"))

    assert answer["Location"] == reverse("integrations:settings", args=["lotus"])


def test_looking_at_disconnect_disconnects_nobody(connected: Client, olives: Browser) -> None:
    before = everything()

    assert ask(olives, "get", address("disconnect")).status_code == 200
    assert everything() == before


@pytest.mark.parametrize("name", sorted(POSTED | BOTH))
def test_a_forged_form_does_nothing(connected: Client, olive: User, name: str) -> None:
    before = everything()
    browser = Browser(enforce_csrf_checks=True)
    browser.cookies.update(browser_of(olive).cookies)

    answer = browser.post(address(name, connected.public_id))

    assert answer.status_code == 403
    assert everything() == before


def test_another_studios_client_is_like_an_unknown_one(
    connected: Client, olives: Browser, stans: Studio, scene: Scene
) -> None:
    theirs = scene.add(stans, email="kim@stans.test")

    foreign = olives.post(address("send_again", theirs.public_id))
    unknown = olives.post(address("send_again"))

    assert foreign.status_code == unknown.status_code == 404
    assert body(foreign) == body(unknown)


def test_two_studios_clients_never_stand_on_each_others_lists(
    connected: Client, stan: User, stans: Studio, scene: Scene
) -> None:
    scene.add(stans, email="kim@stans.test")
    browser = browser_of(stan)

    for name in sorted(READ):
        answer = ask(browser, "get", address(name, slug="stans"))
        assert b"ana@lotus.test" not in b"".join(answer)


@pytest.mark.parametrize("name", ["callback", "install"])
def test_a_persons_pages_need_a_sign_in(name: str) -> None:
    answer = Browser().get(reverse(f"klaviyo:{name}"))

    assert answer["Location"].startswith("/accounts/login/?next=/integrations/klaviyo/")


def test_the_help_page_is_everybodys() -> None:
    assert Browser().get(reverse("klaviyo:help")).status_code == 200


def body(answer: Answer) -> str:
    """Without what each answer has of its own."""
    return re.sub(r'"X-CSRFToken": "\w+"', "", answer.content.decode())

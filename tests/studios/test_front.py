from typing import Any

from django.test import Client as Browser

from studios.models import Membership, Role, Studio, User
from tests.support.cast import make_user, sign_in


def test_signed_out_one_reads_what_junocal_is(client: Browser, db: None) -> None:
    page = client.get("/").content.decode()

    assert "/accounts/login/" in page
    assert "/accounts/signup/" in page


def test_with_one_studio_one_is_there_at_once(client: Browser, ian: User) -> None:
    sign_in(client, ian)

    assert client.get("/").headers["Location"] == "/s/lotus/clients/"


def test_with_several_studios_one_chooses(
    client: Browser, lotus: Studio, stans: Studio, stan: User
) -> None:
    Membership.objects.create(studio=lotus, user=stan, role=Role.INSTRUCTOR)
    sign_in(client, stan)

    page = client.get("/").content.decode()

    assert "Which studio?" in page
    assert "/s/lotus/clients/" in page
    assert "/s/stans/clients/" in page


def test_without_a_studio_the_page_says_so_and_offers_one(client: Browser, db: None) -> None:
    sign_in(client, make_user("Nora Nilsen"))

    page = client.get("/").content.decode()

    assert "You don't belong to a studio" in page or "You don&#x27;t belong to a studio" in page
    assert "/studios/new/" in page


def test_anybody_signed_in_may_found_another_studio(client: Browser, stan: User) -> None:
    sign_in(client, stan)

    answer = client.post("/studios/new/", {"name": "Stan's Second", "country": "GB"})

    assert answer.headers["Location"] == "/s/stans-second/clients/"
    assert stan.memberships.get(studio__slug="stans-second").role == Role.OWNER


def test_studios_are_not_had_by_the_dozen(client: Browser, stan: User, settings: Any) -> None:
    settings.STUDIOS_PER_OWNER_AND_DAY = 2
    sign_in(client, stan)
    for number in range(2):
        client.post("/studios/new/", {"name": f"Stan's {number}", "country": "GB"})

    answer = client.post("/studios/new/", {"name": "One more", "country": "GB"})

    assert "Try again tomorrow" in answer.content.decode()
    assert not Studio.objects.filter(name="One more").exists()


def test_founding_a_studio_asks_one_to_sign_in(client: Browser, db: None) -> None:
    answer = client.post("/studios/new/", {"name": "Nobody's", "country": "GB"})

    assert answer.headers["Location"] == "/accounts/login/?next=/studios/new/"
    assert not Studio.objects.exists()

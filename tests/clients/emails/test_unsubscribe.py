"""The unsubscribe link: its page and the mail program's one-click POST."""

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clients.models import Client, ClientEvent, ConsentSource, Withdrawal

pytestmark = pytest.mark.django_db

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def stranger() -> Browser:
    """Somebody's phone or mail program: no cookies, and refused where a form's token is asked."""
    return Browser(enforce_csrf_checks=True)


def link_of(client: Client) -> str:
    return reverse("clients:unsubscribe", args=[client.unsubscribe_token])


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(stranger: Browser, ana: Client, method: str) -> None:
    response = getattr(stranger, method)(link_of(ana))

    ana.refresh_from_db()
    assert response.status_code == 200
    assert ana.email_opt_in


def test_the_page_names_the_studio_and_has_one_button(stranger: Browser, ana: Client) -> None:
    page = stranger.get(link_of(ana)).content.decode()

    assert "<title>Emails from Lotus Yoga" in page
    assert "<h1>Emails from Lotus Yoga</h1>" in page
    assert "Would you like to stop getting emails from Lotus Yoga?" in page
    assert page.count("<button") == 1
    assert "<script" not in page
    assert ana.email not in page


def test_the_pages_button_opts_out(stranger: Browser, ana: Client) -> None:
    response = stranger.post(link_of(ana))

    ana.refresh_from_db()
    assert response.status_code == 200
    page = response.content.decode()
    assert "<title>Emails from Lotus Yoga" in page
    assert "<h1>No more emails from Lotus Yoga</h1>" in page
    assert "any more emails from Lotus Yoga. Thank you" in page
    assert ana.has_opted_out
    assert ana.consent_source == ConsentSource.FOOTER


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart"])
def test_a_mail_programs_one_click_opts_out(
    stranger: Browser, ana: Client, content_type: str
) -> None:
    if content_type == "multipart":
        response = stranger.post(link_of(ana), ONE_CLICK)
    else:
        response = stranger.post(link_of(ana), "List-Unsubscribe=One-Click", content_type)

    ana.refresh_from_db()
    assert response.status_code == 200
    assert ana.has_opted_out
    assert ana.consent_source == ConsentSource.ONE_CLICK


def test_twice_is_fine_and_the_first_time_stands(stranger: Browser, ana: Client) -> None:
    stranger.post(link_of(ana), ONE_CLICK)
    before = Client.objects.get(pk=ana.pk).opted_out_at

    response = stranger.post(link_of(ana))

    ana.refresh_from_db()
    assert response.status_code == 200
    assert (ana.opted_out_at, ana.consent_source) == (before, ConsentSource.ONE_CLICK)
    assert ana.events.filter(what=ClientEvent.What.WITHDREW).count() == 1


@pytest.mark.parametrize(
    "token", ["unknown", "A" * 43, "a" * 3000, "%00", "%F0%9F%A7%98", "..", "a b", "'--"]
)
def test_an_unknown_token_gets_a_page_that_promises_nothing_and_does_nothing(
    stranger: Browser, ana: Client, token: str
) -> None:
    looked = stranger.get(f"/unsubscribe/{token}/")
    posted = stranger.post(f"/unsubscribe/{token}/", ONE_CLICK)

    ana.refresh_from_db()
    known = stranger.get(link_of(ana))
    assert (looked.status_code, posted.status_code) == (200, 200)
    assert looked.content == posted.content
    assert "No more emails" not in posted.content.decode()
    assert "Stop these emails" not in looked.content.decode()
    assert dict(looked.headers).keys() == dict(known.headers).keys()
    assert ana.email_opt_in
    assert not Withdrawal.objects.exists()


def test_the_address_with_its_secret_is_kept_from_caches_and_other_sites(
    stranger: Browser, ana: Client
) -> None:
    response = stranger.get(link_of(ana))

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex"
    assert not response.cookies


def test_somebody_who_never_agreed_can_opt_out_as_well(stranger: Browser, ana: Client) -> None:
    Client.objects.filter(pk=ana.pk).update(email_opt_in=False)

    stranger.post(link_of(ana))

    ana.refresh_from_db()
    assert ana.has_opted_out


def test_an_opt_out_outlives_the_client(stranger: Browser, ana: Client) -> None:
    stranger.post(link_of(ana))
    studio = ana.studio
    ana.delete()

    assert Withdrawal.stands(studio, " ANA@example.com")

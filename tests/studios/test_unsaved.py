"""What was typed is not lost when a sign-in comes between, and nothing is saved unasked."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clients.models import Client
from studios.accounts import unsaved
from studios.models import Studio, User
from tests.support.cast import PASSWORD, sign_in

pytestmark = pytest.mark.django_db

NEW = "/s/lotus/clients/new/"
TYPED = {"first_name": "Ana", "email": "ana@example.com", "phone": "030 1234567"}
SAME_SITE = {"Origin": "http://testserver"}


def page(browser: Browser, address: str) -> str:
    return browser.get(address).content.decode()


def signed_in_again(browser: Browser, to: str) -> str:
    """By the sign-in page, as a person does; the page it leads to."""
    credentials = {"login": "fay@studio.test", "password": PASSWORD}
    answer = browser.post(to, credentials, follow=True)
    return answer.content.decode()


def test_signed_out_in_another_tab(fays: Browser) -> None:
    fays.get(NEW)
    fays.post(reverse("account_logout"))

    answer = fays.post(NEW, TYPED)
    form = signed_in_again(fays, answer["Location"])

    assert unsaved_is_said(form)
    for text in TYPED.values():
        assert f'value="{text}"' in form
    assert not Client.objects.exists()
    assert "Ana" not in page(fays, NEW), "it is handed out once"


def test_of_a_page_from_before_the_last_sign_in(fay: User) -> None:
    browser = Browser(enforce_csrf_checks=True)
    sign_in(browser, fay)

    answer: Any = browser.post(NEW, TYPED, headers=SAME_SITE)

    assert (answer.status_code, answer["Location"]) == (302, NEW)
    form = page(browser, NEW)
    assert unsaved_is_said(form)
    assert 'value="ana@example.com"' in form
    assert not Client.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_form_from_elsewhere_is_not_kept(fay: User, headers: dict[str, str]) -> None:
    browser = Browser(enforce_csrf_checks=True)
    sign_in(browser, fay)

    assert browser.post(NEW, TYPED, headers=headers).status_code == 403
    assert "ana@example.com" not in page(browser, NEW)


def test_settings_keep_what_was_typed_too(olives: Browser, lotus: Studio, olive: User) -> None:
    settings = "/s/lotus/settings/"
    olives.post(reverse("account_logout"))

    olives.post(settings, {"name": "Another name"})
    sign_in(olives, olive)

    assert 'value="Another name"' in page(olives, settings)
    lotus.refresh_from_db()
    assert lotus.name == "Lotus Yoga"


def test_other_pages_and_later_hours_get_nothing(
    fays: Browser, fay: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fays.post(reverse("account_logout"))
    fays.post(NEW, TYPED)
    sign_in(fays, fay)
    assert "ana@example.com" not in page(fays, "/s/lotus/clients/")

    monkeypatch.setattr(unsaved, "KEPT_FOR_S", 0)
    assert "ana@example.com" not in page(fays, NEW)


def test_what_is_too_long_for_a_form_is_not_kept(fays: Browser, fay: User) -> None:
    fays.post(reverse("account_logout"))
    fays.post(NEW, {"first_name": "A" * 30_000})

    assert unsaved.KEY not in fays.session


def test_no_browser_keeps_a_page_of_a_studio(fays: Browser, olives: Browser) -> None:
    for browser, address in (
        (fays, "/s/lotus/clients/"),
        (fays, NEW),
        (fays, "/s/lotus/clients/export/"),
        (olives, "/s/lotus/settings/"),
        (olives, "/s/lotus/settings/integrations/"),
    ):
        assert "no-store" in browser.get(address)["Cache-Control"], address


def unsaved_is_said(html: str) -> bool:
    return "it isn&#x27;t saved yet" in html

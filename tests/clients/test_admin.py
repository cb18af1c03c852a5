"""Clients in Django's admin go through the same checks and through consent."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clients import consent
from clients.models import Client, ConsentSource, Withdrawal
from studios.models import Studio
from tests.clients.conftest import AddClient
from tests.support.cast import make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> Browser:
    browser = Browser()
    sign_in(browser, make_user("Root", is_staff=True, is_superuser=True))
    return browser


def address_of(client: Client) -> str:
    return reverse("admin:clients_client_change", args=[client.pk])


def save(root: Browser, client: Client, **changed: str | None) -> Any:
    form = root.get(address_of(client)).context["adminform"].form
    typed = {bound.name: bound.value() for bound in form} | changed
    return root.post(
        address_of(client), {k: str(v) for k, v in typed.items() if v not in (None, False)}
    )


def test_unticking_is_an_opt_out_by_an_administrator(
    root: Browser, ana: Client, lotus: Studio
) -> None:
    response = save(root, ana, email_opt_in=None, last_name="Silva")

    ana.refresh_from_db()
    assert response.status_code == 302
    assert ana.last_name == "Silva"
    assert ana.has_opted_out
    assert ana.consent_source == ConsentSource.ADMIN
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_the_desks_checks_hold_here(root: Browser, ana: Client, add_client: AddClient) -> None:
    bea = add_client(first_name="Bea", email="bea@example.com")

    page = save(root, bea, email="ANA@example.com", phone="12").content.decode()

    assert "Ana Pereira already uses this address" in page
    assert "be a phone number" in page


def test_opting_in_again_needs_the_clients_wish(root: Browser, ana: Client) -> None:
    consent.withdraw(ana, source=ConsentSource.FOOTER)

    refused = save(root, ana, email_opt_in="on")
    ana.refresh_from_db()
    assert refused.status_code == 200
    assert ana.has_opted_out

    assert save(root, ana, email_opt_in="on", client_asked="on").status_code == 302
    ana.refresh_from_db()
    assert ana.email_opt_in


def test_a_client_is_not_added_here(root: Browser) -> None:
    assert root.get(reverse("admin:clients_client_add")).status_code == 403


def test_deleting_many_deletes_each(root: Browser, ana: Client) -> None:
    action = {"action": "delete_selected", "_selected_action": [ana.pk], "post": "yes"}

    root.post(reverse("admin:clients_client_changelist"), action)

    assert not Client.objects.exists()


def test_secrets_and_hashes_are_not_shown(root: Browser, ana: Client) -> None:
    page = root.get(address_of(ana)).content.decode()

    assert ana.unsubscribe_token not in page
    assert "withdrawal" not in root.get("/admin/").content.decode().lower()

"""What the desk's form does to consent."""

import pytest
from django.contrib.messages import get_messages

from clients import consent
from clients.models import Client, ClientEvent, ConsentSource, Withdrawal
from studios.models import Studio
from tests.clients.conftest import AddClient, Desk

pytestmark = pytest.mark.django_db


def said(response) -> str:  # type: ignore[no-untyped-def]
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_unticking_the_box_is_an_opt_out(fays_desk: Desk, ana: Client, lotus: Studio) -> None:
    fays_desk.edit(ana, email_opt_in=None)

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert ana.consent_source == ConsentSource.STAFF
    assert ana.events.get(what=ClientEvent.What.WITHDREW).by is not None
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_a_box_never_ticked_is_no_opt_out(fays_desk: Desk, lotus: Studio) -> None:
    fays_desk.add(email="ana@example.com")

    client = Client.objects.get()
    assert not client.email_opt_in
    assert not client.has_opted_out
    assert not Withdrawal.stands(lotus, "ana@example.com")


def test_opting_in_again_needs_the_clients_own_wish(fays_desk: Desk, ana: Client) -> None:
    fays_desk.edit(ana, email_opt_in=None)

    refused = fays_desk.edit(ana, email_opt_in="on", last_name="Silva")

    ana.refresh_from_db()
    assert refused.status_code == 200
    assert 'name="client_asked"' in refused.content.decode()
    assert ana.has_opted_out
    assert ana.last_name == "Pereira"

    assert fays_desk.edit(ana, email_opt_in="on", client_asked="on").status_code == 302

    ana.refresh_from_db()
    assert ana.email_opt_in


def test_a_withdrawn_address_on_a_new_row_needs_the_clients_wish_too(
    fays_desk: Desk, ana: Client
) -> None:
    fays_desk.edit(ana, email_opt_in=None)
    ana.delete()
    typed = {"first_name": "Ana", "email": " ANA@example.com", "email_opt_in": "on"}

    refused = fays_desk.add(**typed)

    assert refused.status_code == 200
    assert 'name="client_asked"' in refused.content.decode()
    assert not Client.objects.exists()
    assert fays_desk.add(**typed, client_asked="on").status_code == 302
    assert Client.objects.get().email_opt_in


def test_a_withdrawn_address_stays_withdrawn_where_nobody_ticks(
    fays_desk: Desk, ana: Client
) -> None:
    fays_desk.edit(ana, email_opt_in=None)
    ana.delete()

    response = fays_desk.add(first_name="Ana", email="ana@example.com")

    client = Client.objects.get()
    assert client.is_remembered
    assert "opted out of emails: this address opted out before" in said(response)


def test_an_opted_in_client_who_gets_a_withdrawn_address_is_asked_for(
    fays_desk: Desk, ana: Client, add_client: AddClient
) -> None:
    bea = add_client(first_name="Bea", email="bea@example.com", email_opt_in=True)
    fays_desk.edit(ana, email_opt_in=None)
    ana.delete()

    response = fays_desk.edit(bea, email="ana@example.com")

    bea.refresh_from_db()
    assert response.status_code == 200
    assert bea.email == "bea@example.com"
    assert fays_desk.edit(bea, email="ana@example.com", client_asked="on").status_code == 302
    bea.refresh_from_db()
    assert bea.email_opt_in


def test_an_opt_out_with_a_new_address_withdraws_both(
    fays_desk: Desk, ana: Client, lotus: Studio
) -> None:
    fays_desk.edit(ana, email="new@example.com", email_opt_in=None)

    assert Withdrawal.stands(lotus, "new@example.com")
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_a_stale_form_saves_the_rest_and_keeps_the_opt_out(fays_desk: Desk, ana: Client) -> None:
    typed = fays_desk.open(ana)
    consent.withdraw(ana, source=ConsentSource.FOOTER)

    response = fays_desk.save(ana, typed | {"phone": "030 123456", "email_opt_in": "on"})

    ana.refresh_from_db()
    assert response.status_code == 302
    assert ana.phone == "+4930123456"
    assert ana.has_opted_out
    assert ana.consent_source == ConsentSource.FOOTER
    assert "It stays: opted out of emails." in said(response)


def test_a_form_that_saw_no_consent_changes_none(fays_desk: Desk, ana: Client) -> None:
    fays_desk.save(ana, {"first_name": "Anna"})

    ana.refresh_from_db()
    assert ana.first_name == "Anna"
    assert ana.email_opt_in

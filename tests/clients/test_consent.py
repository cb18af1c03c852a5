"""Consent: one yes or no per client, however it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import consent
from clients.forms import ClientForm
from clients.models import (
    Client,
    ClientEvent,
    ConsentSource,
    Withdrawal,
    hash_address,
    same_address,
)
from studios.models import Studio, User
from tests.clients.conftest import AddClient

pytestmark = pytest.mark.django_db


def test_agreeing_twice_is_one_change(ana: Client) -> None:
    assert not consent.agree(ana, source=ConsentSource.STAFF)
    assert ana.consent_version == 1


def test_a_withdrawal_is_refused_to_come_back_by_itself(ana: Client) -> None:
    consent.withdraw(ana, source=ConsentSource.FOOTER)

    with pytest.raises(consent.WithdrawnBeforeError):
        consent.agree(ana, source=ConsentSource.IMPORT)

    assert consent.agree(ana, source=ConsentSource.STAFF, client_asked=True)
    assert not ana.has_opted_out


def test_an_address_given_to_a_new_row_by_any_code_stays_withdrawn(
    lotus: Studio, stans: Studio, ana: Client
) -> None:
    consent.withdraw(ana, source=ConsentSource.FOOTER)
    ana.delete()

    again = Client.objects.create(studio=lotus, email=" ANA@example.com", email_opt_in=True)
    elsewhere = Client.objects.create(studio=stans, email="ana@example.com", email_opt_in=True)

    assert again.is_remembered
    assert again.events.get(what=ClientEvent.What.WITHDREW).source == ConsentSource.REMEMBERED
    assert elsewhere.email_opt_in


def test_an_opted_out_clients_new_address_is_withdrawn_too(ana: Client, lotus: Studio) -> None:
    consent.withdraw(ana, source=ConsentSource.STAFF)
    ana.email = "new@example.com"
    ana.save()

    assert Withdrawal.stands(lotus, "new@example.com")
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_a_confirmed_yes_lifts_its_own_address_alone(ana: Client, lotus: Studio) -> None:
    consent.withdraw(ana, source=ConsentSource.STAFF)
    ana.email = "new@example.com"
    consent.agree(ana, source=ConsentSource.STAFF, client_asked=True)

    assert not Withdrawal.stands(lotus, "new@example.com")
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_every_change_has_its_version_and_its_entry(ana: Client, fay: User) -> None:
    consent.withdraw(ana, source=ConsentSource.ONE_CLICK)
    consent.agree(ana, source=ConsentSource.STAFF, by=fay, client_asked=True)

    assert ana.consent_version == 3
    about_consent = [event for event in ana.events.order_by("pk") if event.source]
    assert [(event.what, event.source) for event in about_consent] == [
        ("agreed", "staff"),
        ("withdrew", "one_click"),
        ("agreed", "staff"),
    ]


@given(
    name=st.from_regex(r"[A-Za-z0-9._+-]{1,30}", fullmatch=True),
    space=st.sampled_from(["", " ", "  "]),
    swap=st.booleans(),
)
def test_spellings_of_one_address_are_one_to_hash_and_database(
    lotus: Studio, add_client: AddClient, name: str, space: str, swap: bool
) -> None:
    email = f"{name}@example.com"
    other = space + (email.swapcase() if swap else email) + space
    client = Client.objects.create(studio=lotus, email=email)

    found = Client.objects.for_studio(lotus).with_address(other)

    assert list(found) == [client]
    assert hash_address(lotus, email) == hash_address(lotus, other)
    assert same_address(email) == same_address(other)
    client.delete()


def test_a_new_client_has_the_consent_source_that_the_form_was_told(
    lotus: Studio, fay: User
) -> None:
    form = ClientForm({"email": "bo@lotus.test", "email_opt_in": "on"}, studio=lotus)
    assert form.is_valid()

    form.put(by=fay, source=ConsentSource.IMPORT)

    assert form.saved.consent_source == ConsentSource.IMPORT

"""What the database refuses, whatever the code does."""

import pytest
from django.db import IntegrityError
from django.utils import timezone

from clients.models import Client, Withdrawal, hash_address
from studios.models import Studio
from tests.clients.conftest import AddClient

pytestmark = pytest.mark.django_db


def refused_by(constraint: str) -> "pytest.RaisesExc[IntegrityError]":
    return pytest.raises(IntegrityError, match=constraint)


@pytest.mark.parametrize("email", ["ana@example.com", "ANA@EXAMPLE.COM", " ana@example.com "])
def test_client_email_is_unique_in_its_studio(lotus: Studio, ana: Client, email: str) -> None:
    with refused_by("client_email_is_unique_in_its_studio"):
        Client.objects.create(studio=lotus, email=email)


def test_clients_without_an_address_are_as_many_as_there_are(lotus: Studio) -> None:
    Client.objects.create(studio=lotus, first_name="A")
    Client.objects.create(studio=lotus, first_name="B")

    assert Client.objects.count() == 2


def test_client_klaviyo_profile_is_unique_in_its_studio(lotus: Studio, stans: Studio) -> None:
    Client.objects.create(studio=lotus, klaviyo_profile_id="01H")
    Client.objects.create(studio=stans, klaviyo_profile_id="01H")

    with refused_by("client_klaviyo_profile_is_unique_in_its_studio"):
        Client.objects.create(studio=lotus, klaviyo_profile_id="01H")


def test_client_is_not_both_opted_in_and_opted_out(ana: Client) -> None:
    with refused_by("client_is_not_both_opted_in_and_opted_out"):
        Client.objects.filter(pk=ana.pk).update(opted_out_at=timezone.now())


def test_client_klaviyo_profile_is_null_when_unknown(ana: Client) -> None:
    with refused_by("client_klaviyo_profile_is_null_when_unknown"):
        Client.objects.filter(pk=ana.pk).update(klaviyo_profile_id="")


def test_withdrawal_is_recorded_once_in_a_studio(lotus: Studio, stans: Studio) -> None:
    Withdrawal.record(lotus, "ana@example.com")
    Withdrawal.record(lotus, " ANA@example.com ")
    assert Withdrawal.objects.count() == 1

    with refused_by("withdrawal_is_recorded_once_in_a_studio"):
        address_hash = hash_address(lotus, "ana@example.com")
        Withdrawal.objects.create(studio=lotus, address_hash=address_hash)


def test_a_hash_says_nothing_in_another_studio(lotus: Studio, stans: Studio) -> None:
    assert hash_address(lotus, "ana@example.com") != hash_address(stans, "ana@example.com")


def test_what_listens_to_a_save_writes_in_its_transaction(
    lotus: Studio, add_client: AddClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("the listener broke")

    monkeypatch.setattr("clients.models.event.ClientEvent.save", break_down)
    with pytest.raises(RuntimeError):
        Client.objects.create(studio=lotus, first_name="Ana")

    assert not Client.objects.exists()

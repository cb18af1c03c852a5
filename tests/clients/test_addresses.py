"""Whose address this is, in whatever spelling it is asked for."""

from clients.models import Client
from studios.models import Studio


def test_clients_are_found_by_any_spelling_of_their_address(lotus: Studio) -> None:
    ana = Client.objects.create(studio=lotus, email="Ana@Example.com")
    bea = Client.objects.create(studio=lotus, email="bea@example.com")
    Client.objects.create(studio=lotus, email="carl@example.com")

    holders = Client.objects.for_studio(lotus).holding([" ana@EXAMPLE.com", "Bea@example.com"])

    assert set(holders) == {ana, bea}


def test_no_address_is_held_by_nobody(lotus: Studio) -> None:
    Client.objects.create(studio=lotus, email="ana@example.com")

    assert not Client.objects.for_studio(lotus).holding([]).exists()


def test_addresses_are_told_in_one_spelling(lotus: Studio) -> None:
    ana = Client.objects.create(studio=lotus, email="Ana@Example.com")
    Client.objects.create(studio=lotus, first_name="Bea")

    assert Client.objects.for_studio(lotus).addresses() == {ana.address, ""}
    assert ana.address == "ana@example.com"

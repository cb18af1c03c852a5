"""The migrations that fold the addresses that are there, and remember what was sent to them."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from clients.models import Client, ConsentSource, SentAddress, Withdrawal, hash_address
from clients.models.address import keyed_hash
from studios.models import Studio

pytestmark = pytest.mark.django_db

mailboxes = import_module("clients.migrations.0002_mailboxes")
sent_addresses = import_module("clients.migrations.0003_sent_addresses")

IN_LETTERS = "Ana@Bücher.example"
IN_PARTS = "ana@bu\N{COMBINING DIAERESIS}cher.example"
IN_ASCII = "Ana@xn--bcher-kva.example"

AddRow = Callable[..., Client]


@pytest.fixture
def add_row(lotus: Studio) -> Iterator[AddRow]:
    """Adds rows as they were: no trigger has seen them yet."""

    def add(email: str, **fields: Any) -> Client:
        return Client.objects.bulk_create([Client(studio=lotus, email=email, **fields)])[0]

    switch_trigger("DISABLE")
    yield add
    switch_trigger("ENABLE")


def switch_trigger(how: str) -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with checks to come can't be altered
    execute(f"ALTER TABLE clients_client {how} TRIGGER clients_keep_address")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def convert() -> None:
    execute(mailboxes.FILL)
    sent_addresses.remember(apps, None)


def addresses() -> list[str]:
    return list(Client.objects.order_by("pk").values_list("address", flat=True))


def test_every_address_is_folded(add_row: AddRow) -> None:
    add_row(" Bea@Example.com")
    add_row(IN_LETTERS)
    add_row("")

    convert()

    assert addresses() == ["bea@example.com", "ana@xn--bcher-kva.example", ""]


def test_of_rows_that_are_one_mailbox_now_the_one_in_ascii_keeps_it(add_row: AddRow) -> None:
    rows = [add_row(email, first_name=email) for email in (IN_LETTERS, IN_PARTS, IN_ASCII)]

    convert()

    assert addresses() == [IN_LETTERS.lower(), IN_PARTS, IN_ASCII.lower()]
    kept = Client.objects.order_by("pk").values_list("email", "first_name")
    assert list(kept) == [(row.email, row.email) for row in rows]


def test_where_none_is_in_ascii_the_oldest_keeps_it(add_row: AddRow) -> None:
    add_row(IN_LETTERS)
    add_row(IN_PARTS)

    convert()

    assert addresses() == [IN_ASCII.lower(), IN_PARTS]


def test_studios_are_apart(add_row: AddRow, stans: Studio) -> None:
    add_row(IN_ASCII)
    Client.objects.bulk_create([Client(studio=stans, email=IN_LETTERS)])

    convert()

    assert addresses() == [IN_ASCII.lower()] * 2


@pytest.mark.parametrize(
    "past",
    [
        {"email_opt_in": True},
        {"opted_out_at": timezone.now(), "consent_changed_at": timezone.now()},
        {"klaviyo_profile_id": "01H"},
    ],
)
def test_who_may_have_been_sent_to_is_remembered(
    add_row: AddRow, lotus: Studio, past: dict[str, Any]
) -> None:
    client = add_row(IN_LETTERS, **past)

    convert()

    hashes = SentAddress.hashes_of(client.unsubscribe_token)
    assert hashes == {hash_address(lotus, IN_ASCII)}
    assert SentAddress.studio_of(client.unsubscribe_token) == lotus


def test_who_never_agreed_or_has_no_address_was_sent_nothing(add_row: AddRow) -> None:
    add_row("ana@example.com")
    add_row("", email_opt_in=True)

    convert()

    assert not SentAddress.objects.exists()


def test_more_than_a_chunk_is_remembered(add_row: AddRow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_addresses, "CHUNK_ROWS", 2)
    for number in range(5):
        add_row(f"c{number}@example.com", email_opt_in=True)

    convert()

    assert SentAddress.objects.count() == 5


def test_a_no_in_one_spelling_opts_the_other_out(add_row: AddRow, lotus: Studio) -> None:
    add_row(IN_LETTERS, opted_out_at=timezone.now())
    Withdrawal.record_hashes(lotus, {keyed_hash(lotus, IN_LETTERS.lower())})
    other = add_row(IN_ASCII, email_opt_in=True, welcome_due_at=timezone.now())
    bea = add_row("bea@bücher.example", email_opt_in=True)

    convert()

    other.refresh_from_db()
    bea.refresh_from_db()
    assert (other.has_opted_out, other.email_opt_in, other.welcome_due_at) == (True, False, None)
    assert (other.consent_source, other.consent_version) == (ConsentSource.REMEMBERED, 1)
    assert Withdrawal.stands(lotus, IN_ASCII)
    assert bea.email_opt_in

"""Two addresses are one if they are one mailbox, for Python and for the database alike."""

import unicodedata
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from clients.forms import ClientForm
from clients.models import Client, Withdrawal, hash_address, same_address
from clients.models.address import all_hashes, keyed_hash
from studios.models import Studio
from tests.clients.conftest import AddClient, Desk

pytestmark = pytest.mark.django_db

IN_LETTERS = "Ana@Bücher.example"
IN_ASCII = "ana@xn--bcher-kva.example"


def ask(statement: str, *values: str | int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        [[answer]] = cursor.fetchall()
    return answer


def stored_address(client: Client) -> str:
    return str(ask("SELECT address FROM clients_client WHERE id = %s", client.pk))


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Ana@Example.com ", "ana@example.com"),
        (IN_LETTERS, IN_ASCII),
        ("ana@BÜCHER.example", IN_ASCII),
        ("ana@bu\N{COMBINING DIAERESIS}cher.example", IN_ASCII),
        ("ana@XN--BCHER-KVA.example", IN_ASCII),
        ("ana@straße.example", "ana@xn--strae-oqa.example"),
        ("ana@例え.テスト", "ana@xn--r8jz45g.xn--zckzah"),
        ("ana@mail。例え.テスト", "ana@mail.xn--r8jz45g.xn--zckzah"),
        ("ana@пример.испытание", "ana@xn--e1afmkfd.xn--80akhbyknj4f"),
        ("ana@παράδειγμα.δοκιμή", "ana@xn--hxajbheg2az3al.xn--jxalpdlp"),
        ("ana@ＥＸＡＭＰＬＥ.com", "ana@example.com"),
        ("ana@exam\N{SOFT HYPHEN}ple.com", "ana@example.com"),
        ("Zoë@Example.com", "zoë@example.com"),
        ("ana@\N{SOFT HYPHEN}", "ana@\N{SOFT HYPHEN}"),  # no domain is left of it
        ("nobody", "nobody"),
        ("", ""),
    ],
)
def test_every_spelling_of_a_mailbox_is_one(typed: str, folded: str) -> None:
    assert same_address(typed) == folded
    assert ask("SELECT clients_mailbox(%s)", typed) == folded


def is_known_to_both(letter: str) -> bool:
    """PostgreSQL's Unicode is newer than Python's; neither takes what isn't a character."""
    return letter != "\0" and unicodedata.category(letter) not in {"Cn", "Cs"}


ANY_TEXT = st.text(st.characters(codec="utf-8").filter(is_known_to_both), max_size=30)


@given(text=ANY_TEXT, domain=ANY_TEXT)
def test_the_database_folds_as_python_does(db: None, text: str, domain: str) -> None:
    email = f"{text}@{domain}"

    assert ask("SELECT clients_mailbox(%s)", email) == same_address(email)


def test_what_was_folded_once_stays_as_it_is() -> None:
    assert same_address(same_address(IN_LETTERS)) == same_address(IN_LETTERS)


def test_a_domain_that_no_mail_could_carry_keeps_its_letters(lotus: Studio) -> None:
    email = "a@" + "é." * 48 + "é"

    client = Client.objects.create(studio=lotus, email=email)

    assert stored_address(client) == same_address(email) == email


# --- Whoever writes the row -----------------------------------------------------------------------


def test_a_saved_client_has_its_address(lotus: Studio) -> None:
    client = Client.objects.create(studio=lotus, email=IN_LETTERS)
    assert stored_address(client) == client.address == IN_ASCII

    client.email = "Other@Example.com"
    client.save()
    assert stored_address(client) == client.address == "other@example.com"

    client.email = IN_LETTERS
    client.save(update_fields=["email"])
    assert stored_address(client) == client.address == IN_ASCII


def test_bulk_writes_leave_it_right(lotus: Studio) -> None:
    [client] = Client.objects.bulk_create([Client(studio=lotus, email=IN_LETTERS)])
    assert stored_address(client) == IN_ASCII

    Client.objects.filter(pk=client.pk).update(email="Other@Example.com")
    assert stored_address(client) == "other@example.com"

    client.email = IN_LETTERS
    Client.objects.bulk_update([client], ["email"])
    assert stored_address(client) == IN_ASCII

    Client.objects.filter(pk=client.pk).update(email="")
    assert stored_address(client) == ""


@pytest.mark.parametrize("email", [" Other@Example.com", IN_LETTERS, IN_ASCII.upper(), ""])
def test_sql_of_any_hand_leaves_it_right(lotus: Studio, email: str) -> None:
    client = Client.objects.create(studio=lotus, email="ana@example.com")

    ask("UPDATE clients_client SET email = %s WHERE id = %s RETURNING id", email, client.pk)

    assert stored_address(client) == same_address(email)


def test_nobody_can_write_another(ana: Client) -> None:
    Client.objects.filter(pk=ana.pk).update(address="other@example.com")

    assert stored_address(ana) == "ana@example.com"


def test_a_row_inserted_by_hand_is_held_to_it(ana: Client) -> None:
    with pytest.raises(IntegrityError, match="client_email_is_unique_in_its_studio"):
        ask(
            "INSERT INTO clients_client (public_id, studio_id, first_name, last_name, email, phone,"
            " email_opt_in, consent_source, consent_version, unsubscribe_token, created_at)"
            " SELECT gen_random_uuid(), studio_id, '', '', upper(email), '', false, '', 0, 'other',"
            " now() FROM clients_client WHERE id = %s RETURNING id",
            ana.pk,
        )


# --- What follows from it -------------------------------------------------------------------------


def test_a_second_client_at_a_mailbox_is_refused_with_the_firsts_name(
    lotus: Studio, fays_desk: Desk
) -> None:
    Client.objects.create(studio=lotus, first_name="Bea", email=IN_LETTERS)

    refused = fays_desk.add(first_name="Ana", email=IN_ASCII)

    assert "Bea already uses this address" in refused.content.decode()


def test_a_withdrawal_holds_for_both_forms_of_a_domain(lotus: Studio) -> None:
    Withdrawal.record(lotus, IN_LETTERS)

    assert Withdrawal.stands(lotus, IN_ASCII)
    assert Client.objects.create(studio=lotus, email=IN_ASCII, email_opt_in=True).has_opted_out
    assert hash_address(lotus, IN_LETTERS) == hash_address(lotus, IN_ASCII)


@pytest.mark.parametrize("email", [IN_LETTERS, IN_ASCII])
def test_a_withdrawal_hashed_as_it_was_typed_still_stands_and_can_be_lifted(
    lotus: Studio, email: str
) -> None:
    Withdrawal.record_hashes(lotus, {keyed_hash(lotus, IN_LETTERS.lower())})

    assert Withdrawal.stands(lotus, email)

    Withdrawal.lift(lotus, all_hashes(lotus, email))
    assert not Withdrawal.stands(lotus, email)


def test_postgresql_hashes_as_python_does(lotus: Studio, stans: Studio) -> None:
    client = Client.objects.create(studio=lotus, email=IN_LETTERS)
    Client.objects.create(studio=lotus, email="bea@example.com")
    clients = Client.objects.for_studio(lotus)

    assert list(clients.hashed_as(lotus, {hash_address(lotus, IN_ASCII)})) == [client]
    assert not clients.hashed_as(lotus, {hash_address(stans, IN_ASCII)}).exists()


# --- Fast in any studio ---------------------------------------------------------------------------


@pytest.fixture
def five_thousand(lotus: Studio, stans: Studio) -> None:
    """Clients of two studios."""
    for studio in (lotus, stans):
        Client.objects.bulk_create(
            Client(studio=studio, email=f"c{number}@example.com") for number in range(2500)
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clients_client")


def plan_of(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.usefixtures("five_thousand")
def test_the_forms_look_for_the_holder_of_an_address_takes_the_unique_index(lotus: Studio) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert not ClientForm({"email": "C7@example.com"}, studio=lotus).is_valid()
    [look] = [query["sql"] for query in queries if '"address" IN' in query["sql"]]

    plan = plan_of(look)

    assert "client_email_is_unique_in_its_studio" in plan, f"the form scans for the holder: {plan}"


def test_an_address_that_was_not_edited_is_not_looked_for(fays_desk: Desk, ana: Client) -> None:
    typed = fays_desk.open(ana) | {"last_name": "Silva"}

    with CaptureQueriesContext(connection) as queries:
        fays_desk.save(ana, typed)

    assert not [query for query in queries if '"address" IN' in query["sql"]]


def test_one_of_two_rows_of_a_mailbox_from_before_can_be_edited(
    lotus: Studio, fays_desk: Desk, add_client: AddClient
) -> None:
    """The conversion left the second its plain form: only a change of its address is refused."""
    Client.objects.create(studio=lotus, first_name="Bea", email=IN_ASCII)
    ana = add_client(first_name="Ana", email="other@example.com", email_opt_in=True)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table under check can't be altered
        cursor.execute("ALTER TABLE clients_client DISABLE TRIGGER clients_keep_address")
        cursor.execute(
            "UPDATE clients_client SET email = %s, address = %s WHERE id = %s",
            [IN_LETTERS, IN_LETTERS.lower(), ana.pk],
        )
        cursor.execute("ALTER TABLE clients_client ENABLE TRIGGER clients_keep_address")
    ana.refresh_from_db()

    saved = fays_desk.edit(ana, last_name="Silva", email_opt_in=None)
    refused = fays_desk.edit(ana, email=IN_LETTERS.upper())

    ana.refresh_from_db()
    assert (saved.status_code, ana.last_name, ana.has_opted_out) == (302, "Silva", True)
    assert "Bea already uses this address" in refused.content.decode()

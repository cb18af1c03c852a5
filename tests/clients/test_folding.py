"""The folded form of clients: how it spells, who writes it, and what heals it."""

import unicodedata
from collections.abc import Callable
from importlib import import_module

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from clients import folding, tasks
from clients.models import Client
from studios.models import Studio
from tests.clients.conftest import AddClient

migration = import_module("clients.migrations.0005_fold")


@pytest.mark.parametrize(
    ("typed", "spelt"),
    [
        ("Müller", "muller"),
        ("Mu\N{COMBINING DIAERESIS}ller", "muller"),
        ("ŁUKASZ Núñez", "lukasz nunez"),
        ("Jørgensen Ångström", "jorgensen angstrom"),
        ("Straße", "strasse"),
        ("Đặng Şule İpek", "dang sule ipek"),
        ("O’Brien", "obrien"),
        ("Щукин", "shchukin"),
        ("Παπαδόπουλος", "papadopoylos"),
        ("王伟", "wangwei"),
        ("ﬁn  \N{NO-BREAK SPACE} Ａna", "fin ana"),
        ("\N{ZERO WIDTH SPACE}", ""),
    ],
)
def test_names_of_many_scripts_become_plain_letters(typed: str, spelt: str) -> None:
    assert folding.folded(typed) == spelt


@given(st.text())
def test_every_text_folds_to_ascii_and_no_further(text: str) -> None:
    folded = folding.folded(text)

    assert folded.isascii()
    assert folding.folded(folded) == folded
    assert folding.folded(unicodedata.normalize("NFD", text)) == folding.folded(
        unicodedata.normalize("NFC", text)
    )


def ordered(names: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(names, key=lambda name: folding.sort_key(name[0], name[1], "", ""))


@pytest.mark.parametrize(
    "names",
    [
        [("Ana", "Böhm"), ("Ana", "Brandt"), ("Ana", "Busch")],
        [("Ana", "Jørgensen"), ("Ana", "Jung")],
        [("Ana", "Müller"), ("Ana", "Muñoz")],
        [("Ana", "Łukasz"), ("Bea", "Lukasz"), ("Cem", "Łukasz")],
        [("Zoe", "Van"), ("Ana", "Van Damme")],
        [("Ana", "Oakley"), ("Ana", "O’Brien"), ("Ana", "Ochoa")],
        [("Ana", "Smith"), ("Ana", "Smith-Jones"), ("Ana", "Smithson")],
        [("Ana", ""), ("Cem", "Anders"), ("", "Bea")],
    ],
)
def test_the_order_is_the_one_that_people_look_in(names: list[tuple[str, str]]) -> None:
    assert ordered(names[::-1]) == names


def test_who_has_no_name_stands_where_the_address_does() -> None:
    assert folding.sort_key("", "", "Émile@example.com", "+4930123456") == "emile example com"
    assert folding.sort_key("", "", "", "+4930123456") == "4930123456"


# --- Who writes it --------------------------------------------------------------------------------


def is_up_to_date(client: Client) -> bool:
    client.refresh_from_db()
    stored = {field: getattr(client, field) for field in folding.FOLDED_INTO}
    client.fold()
    return stored == {field: getattr(client, field) for field in folding.FOLDED_INTO}


def by_saving(client: Client) -> None:
    client.last_name = "Łęcka"
    client.save()


def by_saving_one_field(client: Client) -> None:
    client.last_name = "Łęcka"
    client.save(update_fields=["last_name"])


def by_bulk_update(client: Client) -> None:
    client.last_name = "Łęcka"
    Client.objects.bulk_update([client], ["last_name"])


def by_update(client: Client) -> None:
    Client.objects.filter(pk=client.pk).update(last_name="Łęcka")


def by_adding_it_again(client: Client) -> None:
    client.last_name = "Łęcka"
    client.pk = Client.objects.get().pk
    Client.objects.bulk_create(
        [client], update_conflicts=True, unique_fields=["public_id"], update_fields=["last_name"]
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "write", [by_saving, by_saving_one_field, by_bulk_update, by_update, by_adding_it_again]
)
def test_whatever_writes_a_name_folds_it(ana: Client, write: Callable[[Client], None]) -> None:
    write(ana)

    assert is_up_to_date(ana)
    assert ana.folded == " ana lecka ana@example.com"


@pytest.mark.django_db
def test_new_clients_are_folded_however_they_are_added(lotus: Studio, ana: Client) -> None:
    [bea] = Client.objects.bulk_create([Client(studio=lotus, first_name="Béa")])

    assert is_up_to_date(ana)
    assert is_up_to_date(bea)


def rename_in_sql(client: Client, last_name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE clients_client SET last_name = %s WHERE id = %s", [last_name, client.pk]
        )


@pytest.mark.django_db
def test_what_is_written_past_it_is_marked_found_and_healed(ana: Client) -> None:
    rename_in_sql(ana, "Łäcka")

    ana.refresh_from_db()
    makeshift = (ana.folded_from, ana.folded, ana.sort_key)
    tasks.refold()

    assert makeshift == ("", " ana łacka ana@example.com ", "łacka\tana")
    assert is_up_to_date(ana)
    assert ana.sort_key == "lacka\tana"


@pytest.mark.django_db
def test_the_task_comes_by_itself_and_heals_more_than_one_helping(
    lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.models.client_queryset.REFOLDED_AT_ONCE", 2)
    clients = Client.objects.bulk_create(Client(studio=lotus, first_name="A") for _ in range(5))
    for client in clients:
        rename_in_sql(client, "Ø")

    tasks.refold()

    assert "clients.tasks.refold" in settings.PERIODIC_TASKS
    assert not Client.objects.filter(folded_from="").exists()


@pytest.mark.django_db
def test_an_outdated_form_is_not_taken_for_that_of_another_name(ana: Client) -> None:
    stale = Client.objects.get(pk=ana.pk)
    rename_in_sql(ana, "Łäcka")

    stale.save(update_fields=["folded", "sort_key", "folded_from"])

    ana.refresh_from_db()
    assert ana.folded_from == ""


@pytest.mark.django_db
def test_the_migration_folds_who_is_there(add_client: AddClient) -> None:
    clients = [
        add_client(first_name="Zoë", last_name="O’Brien-Ångström", email="Z@example.com"),
        add_client(email="Müller@example.com"),
        add_client(phone="+4930123456"),
        add_client(first_name="王", last_name="伟"),
    ]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clients_client SET folded_from = ''")
        assert Client.objects.filter(folded_from="").count() == len(clients)

    with connection.schema_editor(atomic=False) as editor:
        migration.fold(apps, editor)

    assert all(map(is_up_to_date, clients))

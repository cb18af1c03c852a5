"""The reconcile heals what was written past the signals, and leaves alone what is right."""

from collections.abc import Callable

import pytest
from django.db import connection as database
from django.utils import timezone

from clients.models import Client
from clients.signals import clients_changed
from integrations.klaviyo import backfill, chores
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Studio
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import change, opt_out, row_of, values

Work = Callable[[], None]
Write = Callable[[Client], object]
pytestmark = pytest.mark.django_db


def by_update(client: Client) -> None:
    Client.objects.filter(pk=client.pk).update(first_name="Anna")


def by_bulk_update(client: Client) -> None:
    client.first_name = "Anna"
    Client.objects.bulk_update([client], ["first_name"])


def by_sql(client: Client) -> None:
    with database.cursor() as cursor:
        cursor.execute("UPDATE clients_client SET first_name = 'Anna' WHERE id = %s", [client.pk])


def by_another_client_with_the_same_key(client: Client) -> None:
    """The row goes and comes back, as a restored backup does."""
    values = Client.objects.filter(pk=client.pk).values().get()
    ClientSync.objects.filter(client=client).delete()
    Client.objects.filter(pk=client.pk).delete()
    Client.objects.bulk_create([Client(**values | {"first_name": "Anna"})])


@pytest.mark.parametrize(
    "write", [by_update, by_bulk_update, by_sql, by_another_client_with_the_same_key]
)
def test_what_was_written_past_the_signals_is_healed(
    write: Write, sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    write(ana)
    work()
    assert values(sandbox)["ana@example.com"] == ("Ana", None, None)

    assert chores.reconcile() == 1
    work()

    assert values(sandbox)["ana@example.com"] == ("Anna", None, None)
    assert chores.reconcile() == 0


def test_a_client_without_a_row_gets_one(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio, work: Work
) -> None:
    connect()
    work()
    Client.objects.bulk_create(
        [Client(studio=lotus, email="ana@example.com", email_opt_in=True), Client(studio=lotus)]
    )

    assert chores.reconcile() == 2
    work()

    assert set(values(sandbox)) == {"ana@example.com"}
    assert chores.reconcile() == 0


def test_an_opt_out_written_past_the_signals_is_suppressed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    Client.objects.filter(pk=ana.pk).update(email_opt_in=False, opted_out_at=timezone.now())

    chores.reconcile()
    work()

    assert sandbox.suppressed() == {"ana@example.com"}


def test_many_strays_are_marked_in_chunks(
    sandbox: SandboxProcess,
    connect: Connect,
    lotus: Studio,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chores, "CHUNK_ROWS", 2)
    connect()
    work()
    Client.objects.bulk_create(Client(studio=lotus) for _ in range(5))

    assert chores.reconcile() == 5
    assert ClientSync.objects.count() == 5


def test_everything_that_is_settled_stays_so(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    add(email="ana@example.com", first_name="Zoë", last_name='O\'Neill "Z"', phone="+4930123456")
    add(email="bad@no-dots")
    add(first_name="No email")
    opt_out(add(email="gone@example.com"))
    connect()
    work()

    assert chores.reconcile() == 0


def test_while_the_backfill_seeds_or_a_connection_ends_nothing_is_reconciled(
    sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    add(email="ana@example.com")
    connection = connect()

    assert chores.reconcile() == 0
    backfill.seed(connection)
    assert chores.reconcile() == 0


def test_the_projects_own_bulk_writes_need_no_reconcile(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio, work: Work
) -> None:
    connect()
    work()

    made = Client.objects.bulk_create(
        [Client(studio=lotus, email=f"client{n}@example.com", email_opt_in=True) for n in range(3)]
    )
    clients_changed.send(Client, studio_id=lotus.pk, client_ids=[one.pk for one in made])
    work()

    assert len(sandbox.profiles()) == 3
    assert chores.reconcile() == 0


def test_a_client_that_needs_a_person_is_left_alone_until_something_changes(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@no-dots")
    connect()
    work()
    before = len(sandbox.arrivals())

    assert chores.reconcile() == 0
    change(ana)
    work()

    assert len(sandbox.arrivals()) == before
    assert row_of(ana).reason == Reason.EMAIL_INVALID

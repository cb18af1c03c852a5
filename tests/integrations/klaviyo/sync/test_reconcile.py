"""The reconcile heals what was written past the signals, and leaves alone what is right."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from clients.models import Client
from clients.signals import clients_changed
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import backfill, reconcile
from integrations.klaviyo.sync.reconcile import reconcile_all
from studios.models import Studio
from studios.tenancy import lock_studio
from tests.support.klaviyo.scene import Scene, row_of

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
def test_what_was_written_past_the_signals_is_healed(write: Write, scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    write(ana)
    scene.work()
    assert scene.values()["ana@example.com"] == ("Ana", None, None)

    assert reconcile_all() == 1
    scene.work()

    assert scene.values()["ana@example.com"] == ("Anna", None, None)
    assert reconcile_all() == 0


def test_a_client_without_a_row_gets_one(scene: Scene, synced: Connection, lotus: Studio) -> None:
    Client.objects.bulk_create(
        [Client(studio=lotus, email="ana@example.com", email_opt_in=True), Client(studio=lotus)]
    )

    assert reconcile_all() == 2
    scene.work()

    assert set(scene.values()) == {"ana@example.com"}
    assert reconcile_all() == 0


def test_an_opt_out_written_past_the_signals_is_suppressed(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    Client.objects.filter(pk=ana.pk).update(email_opt_in=False, opted_out_at=timezone.now())

    reconcile_all()
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def test_many_strays_are_enqueued_in_chunks(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "CHUNK_ROWS", 2)
    scene.sync()
    Client.objects.bulk_create(Client(studio=lotus) for _ in range(5))

    assert reconcile_all() == 5
    assert ClientSync.objects.count() == 5


def test_everything_that_is_settled_stays_so(scene: Scene) -> None:
    scene.add(
        email="ana@example.com", first_name="Zoë", last_name='O\'Neill "Z"', phone="+4930123456"
    )
    scene.add(email="bad@no-dots")
    scene.add(first_name="No email")
    scene.opt_out(scene.add(email="gone@example.com"))
    scene.sync()

    assert reconcile_all() == 0


def test_while_the_backfill_seeds_or_a_connection_ends_nothing_is_reconciled(scene: Scene) -> None:
    scene.add(email="ana@example.com")
    connection = scene.connect()

    assert reconcile_all() == 0
    backfill.seed_chunk(connection)
    assert reconcile_all() == 0


def test_the_projects_own_bulk_writes_need_no_reconcile(
    scene: Scene, synced: Connection, lotus: Studio
) -> None:
    made = Client.objects.bulk_create(
        [Client(studio=lotus, email=f"client{n}@example.com", email_opt_in=True) for n in range(3)]
    )
    clients_changed.send(Client, studio_id=lotus.pk, client_ids=[one.pk for one in made])
    scene.work()

    assert len(scene.klaviyo.profiles()) == 3
    assert reconcile_all() == 0


def test_a_client_that_needs_a_person_is_left_alone_until_something_changes(scene: Scene) -> None:
    ana = scene.add(email="ana@no-dots")
    scene.sync()
    before = len(scene.klaviyo.request_log())

    assert reconcile_all() == 0
    scene.change(ana)
    scene.work()

    assert len(scene.klaviyo.request_log()) == before
    assert row_of(ana).reason == Reason.EMAIL_INVALID


# --- Whom it makes wait ---------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_it_looks_without_a_lock_and_waits_for_no_studio_that_is_locked(scene: Scene) -> None:
    scene.add(email="ana@example.com")
    scene.sync()

    with locked_by_another(scene.lotus), impatiently():
        assert reconcile_all() == 0


def test_a_studio_is_held_for_a_few_strays_at_a_time(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.sync()
    Client.objects.bulk_create(Client(studio=lotus) for _ in range(5))
    monkeypatch.setattr(reconcile, "STRAYS_AT_ONCE", 2)
    enqueue_strays, sizes = reconcile.enqueue_strays, []

    def note_size(studio_id: int, clients: list[int]) -> int:
        sizes.append(len(clients))
        return enqueue_strays(studio_id, clients)

    monkeypatch.setattr(reconcile, "enqueue_strays", note_size)

    assert reconcile_all() == 5
    assert sizes == [2, 2, 1]


@contextmanager
def locked_by_another(studio: Studio) -> Iterator[None]:
    is_locked, is_over = Event(), Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                lock_studio(studio.pk)
                is_locked.set()
                is_over.wait(10)
        finally:
            database.close()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        try:
            assert is_locked.wait(10)
            yield
        finally:
            is_over.set()
    held.result()


@contextmanager
def impatiently() -> Iterator[None]:
    """Whoever waits for a lock fails."""
    with database.cursor() as cursor:
        cursor.execute("SET lock_timeout = 100")
        try:
            yield
        finally:
            cursor.execute("RESET lock_timeout")

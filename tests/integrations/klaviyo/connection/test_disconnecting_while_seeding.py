"""Disconnect is clicked while workers seed and push: the page answers, nobody meets a deadlock."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection as database
from django.test import Client as Browser

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.sync import backfill, engine
from tests.support.klaviyo.cards import press
from tests.support.klaviyo.scene import Scene

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

CLIENTS = 300
CHUNK_ROWS = 20
CLICKS = 12
WORKERS = 2
WORKS_FOR_S = 0.03  # before a click; a little longer each time


def test_every_click_is_answered_and_every_end_is_finished(
    scene: Scene, olives: Browser, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", CHUNK_ROWS)
    make_clients(scene)
    before = deadlocks()

    seeded, took = [], []
    for click in times * [*range(CLICKS)]:
        connection = scene.connect()
        with workers(connection):
            threading.Event().wait(WORKS_FOR_S * click)
            began = time.perf_counter()
            answer = press(olives, "disconnect")
            took.append(time.perf_counter() - began)
            seeded.append(ClientSync.objects.count())
        assert answer.status_code == 302
        scene.work()
        assert not Connection.objects.exists()
        assert not ClientSync.objects.exists()

    print(f"{len(took)} clicks, the slowest answered after {max(took):.2f} s")
    assert deadlocks() == before
    assert len({count for count in seeded if 0 < count < CLIENTS}) > 2, "no click met a seed"


def make_clients(scene: Scene) -> None:
    Client.objects.bulk_create(
        Client(
            studio=scene.lotus,
            first_name=str(number),
            email_opt_in=number % 3 == 0,
            email=f"client{number}@example.com",
        )
        for number in range(CLIENTS)
    )


@contextmanager
def workers(connection: Connection) -> Iterator[None]:
    """Turns for this connection, from several threads; what goes wrong in one is raised here."""
    over = threading.Event()
    with ThreadPoolExecutor(WORKERS) as pool:
        ends = [pool.submit(work, connection, over) for _ in range(WORKERS)]
        try:
            yield
        finally:
            over.set()
    for end in ends:
        end.result()


def work(connection: Connection, over: threading.Event) -> None:
    try:
        while not over.is_set():
            backfill.seed_chunk(connection)
            engine.work_on(connection)
    finally:
        database.close()


def deadlocks() -> int:
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        number: int = cursor.fetchone()[0]
    return number

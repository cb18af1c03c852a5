"""Real workers: they are killed, frozen and sent away, and what was saved reaches Klaviyo."""

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

import pytest
from django.db import connection as database

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import SandboxProcess
from dev.servers import Valkey
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync, Connection, EndCause, Worker
from tests.support.klaviyo.brokers import queue
from tests.support.klaviyo.processes import (
    OTHER,
    Process,
    environment,
    wait_until,
    worker,
    worker_that_only_listens,
)
from tests.support.klaviyo.scene import Scene

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chaos,
    pytest.mark.timeout(180),
]

EXIT_WITHIN_S = 30  # what docker-compose.yml grants
StartWorker = Callable[[], AbstractContextManager[Process]]


@pytest.fixture
def start_worker(valkey: Valkey, sandbox: SandboxProcess) -> StartWorker:
    sandbox.configure(refresh_per_minute=0)
    return lambda: worker(environment(sandbox, REDIS_URL=valkey.url))


def names_at_klaviyo(sandbox: SandboxProcess) -> dict[str, str]:
    profiles = (one["attributes"] for one in sandbox.profiles())
    return {one["email"]: one["first_name"] for one in profiles}


def rename(client: Client, name: str) -> None:
    client = Client.objects.get(pk=client.pk)
    client.first_name = name
    client.save()


def test_a_wake_up_alone_brings_an_edit(valkey: Valkey, scene: Scene, synced: Connection) -> None:
    with worker_that_only_listens(environment(scene.klaviyo, REDIS_URL=valkey.url)):
        scene.add(email="ana@example.com")
        wait_until(lambda: scene.klaviyo.profiles())


def test_what_is_saved_arrives_whether_wake_ups_are_heard_or_lost(
    valkey: Valkey, start_worker: StartWorker, scene: Scene
) -> None:
    clients = [scene.add(email=f"client{number}@example.com") for number in range(10)]
    scene.connect()
    with start_worker():
        wait_until(lambda: len(scene.klaviyo.profiles()) == 10)

        rename(clients[0], "heard")
        wait_until(lambda: "heard" in names_at_klaviyo(scene.klaviyo).values())
        for client in clients:
            rename(client, "lost")
            with queue(valkey) as broker:
                broker.flushall()

        wait_until(lambda: list(names_at_klaviyo(scene.klaviyo).values()) == ["lost"] * 10)


def test_a_worker_killed_in_the_middle_of_a_push_leaves_it_to_the_next(
    start_worker: StartWorker, scene: Scene
) -> None:
    scene.add(email="ana@example.com", first_name="Ana")
    scene.connect()
    scene.klaviyo.fault("hold", operation="create_profile", times=1)  # applied, and never answered
    with start_worker() as killed:
        wait_until(lambda: scene.klaviyo.profiles())
        killed.kill()
        killed.wait()
    scene.klaviyo.clear_faults()
    assert ClientSync.objects.leased().exists()

    with start_worker():
        wait_until(lambda: Client.objects.exclude(klaviyo_profile_id=None).exists())
        wait_until(lambda: not ClientSync.objects.exclude(lease=None).exists())

    (profile,) = scene.klaviyo.profiles()
    assert Client.objects.get().klaviyo_profile_id == profile["id"]
    assert names_at_klaviyo(scene.klaviyo) == {"ana@example.com": "Ana"}


def test_another_worker_takes_over_long_before_the_lease_has_run_out(
    start_worker: StartWorker, scene: Scene
) -> None:
    scene.connect()
    scene.klaviyo.fault("hold", operation="create_profile", times=1)
    with start_worker() as one, start_worker() as other:
        scene.add(email="ana@example.com", first_name="Ana")
        wait_until(lambda: scene.klaviyo.profiles())
        (held,) = ClientSync.objects.leased()
        assert held.leased_by
        holder = Worker.objects.get(pk=held.leased_by)
        killed = one if holder.name.endswith(f" {one.pid}") else other
        killed.kill()
        wait_until(lambda: not holds_a_lease(held))
        freed_at = database_time()

    assert held.lease_until
    assert freed_at < held.lease_until


def holds_a_lease(row: ClientSync) -> bool:
    """True while it is leased as it was then."""
    return ClientSync.objects.filter(pk=row.pk, lease=row.lease).exists()


def database_time() -> datetime:
    with database.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def test_a_worker_sent_away_ends_what_it_began_and_goes_in_time(
    start_worker: StartWorker, scene: Scene
) -> None:
    scene.add(email="ana@example.com", first_name="Ana")
    scene.connect()
    scene.klaviyo.fault("delay", operation="create_profile", seconds=1)
    with start_worker() as leaving:
        wait_until(lambda: scene.klaviyo.request_log(operation="create_profile"))

        leaving.send_signal(signal.SIGTERM)

        assert leaving.wait(EXIT_WITHIN_S) == 0
    assert Client.objects.get().klaviyo_profile_id
    assert not ClientSync.objects.exclude(lease=None).exists()
    assert len(scene.klaviyo.journal(operation="create_profile")) == 1


def test_a_worker_killed_in_the_middle_of_an_end_leaves_it_to_the_next(
    start_worker: StartWorker, scene: Scene
) -> None:
    connection = scene.connect()
    scene.klaviyo.fault("hold", operation="oauth_revoke", times=1)
    with start_worker() as killed:
        lifecycle.begin_disconnect(connection, EndCause.OWNER)
        wait_until(lambda: scene.klaviyo.request_log(operation="oauth_revoke"))
        killed.kill()
        killed.wait()
    Connection.objects.update(finishing_until=None)  # as half a minute later

    with start_worker():
        wait_until(lambda: not Connection.objects.exists())

    assert scene.klaviyo.grants() == []


def test_a_worker_goes_on_when_its_database_connections_are_cut(
    start_worker: StartWorker, scene: Scene
) -> None:
    scene.connect()
    with start_worker():
        for number in range(5):
            cut_the_worker_off()
            scene.add(email=f"client{number}@example.com")

        wait_until(lambda: len(scene.klaviyo.profiles()) == 5)


def cut_the_worker_off() -> None:
    """As PostgreSQL does when it restarts."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s",
            [OTHER],
        )

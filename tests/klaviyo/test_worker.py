"""Real workers: they are killed, frozen and sent away, and what was saved reaches Klaviyo."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from django.db import connection as database

from clients.models import Client
from integrations.klaviyo import connections
from integrations.klaviyo.models import ClientSync, Connection, EndCause
from junocal.embedded import Valkey
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.brokers import queue, ring_into
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.histories import leases_run_out
from tests.klaviyo.processes import (
    OTHER,
    Process,
    environment,
    wait_until,
    worker,
    worker_that_only_listens,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chaos,
    pytest.mark.timeout(180),
]

EXIT_WITHIN_S = 30  # what docker-compose.yml grants
Work = Callable[[], None]
StartWorker = Callable[[], AbstractContextManager[Process]]


@pytest.fixture(scope="module")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture
def valkey(valkey_server: Valkey, monkeypatch: pytest.MonkeyPatch) -> Valkey:
    with queue(valkey_server) as broker:
        broker.flushall()
    ring_into(valkey_server, monkeypatch)
    return valkey_server


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


def test_a_ring_alone_brings_an_edit(
    valkey: Valkey, sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connect()
    work()

    with worker_that_only_listens(environment(sandbox, REDIS_URL=valkey.url)):
        add(email="ana@example.com")
        wait_until(lambda: sandbox.profiles())


def test_what_is_saved_arrives_whether_rings_are_heard_or_lost(
    valkey: Valkey,
    start_worker: StartWorker,
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
) -> None:
    clients = [add(email=f"client{number}@example.com") for number in range(10)]
    connect()
    with start_worker():
        wait_until(lambda: len(sandbox.profiles()) == 10)

        rename(clients[0], "heard")
        wait_until(lambda: "heard" in names_at_klaviyo(sandbox).values())
        for client in clients:
            rename(client, "lost")
            with queue(valkey) as broker:
                broker.flushall()

        wait_until(lambda: list(names_at_klaviyo(sandbox).values()) == ["lost"] * 10)


def test_a_worker_killed_in_the_middle_of_a_push_leaves_it_to_the_next(
    start_worker: StartWorker, sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    add(email="ana@example.com", first_name="Ana")
    connect()
    sandbox.fault("hold", operation="create_profile", times=1)  # applied, and never answered
    with start_worker() as killed:
        wait_until(lambda: sandbox.profiles())
        killed.kill()
        killed.wait()
    sandbox.clear_faults()
    assert ClientSync.objects.leased().exists()
    leases_run_out()

    with start_worker():
        wait_until(lambda: Client.objects.exclude(klaviyo_profile_id=None).exists())
        wait_until(lambda: not ClientSync.objects.exclude(lease=None).exists())

    (profile,) = sandbox.profiles()
    assert Client.objects.get().klaviyo_profile_id == profile["id"]
    assert names_at_klaviyo(sandbox) == {"ana@example.com": "Ana"}


def test_a_worker_sent_away_ends_what_it_began_and_goes_in_time(
    start_worker: StartWorker, sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    add(email="ana@example.com", first_name="Ana")
    connect()
    sandbox.fault("delay", operation="create_profile", seconds=1)
    with start_worker() as leaving:
        wait_until(lambda: sandbox.arrivals(operation="create_profile"))

        leaving.send_signal(signal.SIGTERM)

        assert leaving.wait(EXIT_WITHIN_S) == 0
    assert Client.objects.get().klaviyo_profile_id
    assert not ClientSync.objects.exclude(lease=None).exists()
    assert len(sandbox.journal(operation="create_profile")) == 1


def test_a_worker_killed_in_the_middle_of_an_end_leaves_it_to_the_next(
    start_worker: StartWorker, sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault("hold", operation="oauth_revoke", times=1)
    with start_worker() as killed:
        connections.fence(connection, EndCause.OWNER)
        wait_until(lambda: sandbox.arrivals(operation="oauth_revoke"))
        killed.kill()
        killed.wait()
    Connection.objects.update(finishing_until=None)  # as half a minute later

    with start_worker():
        wait_until(lambda: not Connection.objects.exists())

    assert sandbox.grants() == []


def test_a_worker_goes_on_when_its_database_connections_are_cut(
    start_worker: StartWorker, sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    connect()
    with start_worker():
        for number in range(5):
            _cut_the_worker_off()
            add(email=f"client{number}@example.com")

        wait_until(lambda: len(sandbox.profiles()) == 5)


def _cut_the_worker_off() -> None:
    """As PostgreSQL does when it restarts."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = %s",
            [OTHER],
        )

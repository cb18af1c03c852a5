"""The outbox with several workers and an editing desk at the same moment."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import transaction
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.outbox import completion, consumer, producer
from integrations.klaviyo.outbox.completion import Done
from integrations.klaviyo.outbox.preflight import preflight
from integrations.klaviyo.sync import backfill, engine
from integrations.klaviyo.sync.plan import Plan
from integrations.klaviyo.sync.reconcile import reconcile_all
from studios.models import Studio
from tests.support.klaviyo.scene import Scene, claim, row_of, time_passes
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

LONG_ENOUGH_S = 0.4  # for the other to run into our lock


@pytest.fixture(autouse=True)
def nothing_is_swallowed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A deadlock's victim may be the worker, which only logs it and comes back."""
    yield
    assert not [record for record in caplog.get_records("call") if record.exc_info]


def test_workers_claim_every_row_once(scene: Scene, lotus: Studio) -> None:
    connection = scene.connect()
    seeded(connection, people(lotus, 60))

    claims = at_once(*[lambda: consumer.claim(connection, {Priority.BACKFILL: 20})] * 4)

    rows = [row.pk for claimed in claims for row in claimed]  # type: ignore[attr-defined]
    assert len(rows) == len(set(rows))
    assert len(rows) >= 20


def test_a_row_is_claimed_by_its_priority_and_then_by_its_age(scene: Scene) -> None:
    ana, bea, cleo = (scene.add(email=f"{name}@example.com") for name in ("ana", "bea", "cleo"))
    connection = scene.sync()

    scene.change(bea, first_name="Bea")
    scene.change(ana, first_name="Ana")
    scene.opt_out(cleo)

    assert [row.client for row in claim(connection, Priority.OPT_OUT)] == [cleo]
    assert [row.client for row in claim(connection)] == [bea, ana]


def test_enqueueing_needs_the_edits_own_transaction(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()

    with transaction.atomic():
        scene.change(ana, first_name="Anna")
        enqueued = row_of(ana).desired_version
        transaction.set_rollback(True)

    assert row_of(ana).desired_version == row_of(ana).synced_version == enqueued - 1


def test_a_row_taken_over_is_pushed_once_more_and_whoever_held_it_changes_nothing(
    scene: Scene, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    scene.change(ana, first_name="Anna")
    (asleep,) = claim(connection)
    assert asleep.client
    assert preflight([Plan(asleep, asleep.client).push]), "its request may have left"

    time_passes(16)
    (row,) = claim(connection)
    engine.push_all([row], Klaviyo(connection))
    before = ClientSync.objects.values().get()

    assert not completion.complete([Done(asleep)])
    assert not consumer.postpone(asleep, 60, unknown=True)
    assert not consumer.release(asleep)
    engine.push_all([asleep], Klaviyo(connection))
    assert ClientSync.objects.values().get() == before
    assert before["desired_version"] == before["synced_version"] + 1

    seen = len(scene.writes())
    time_passes(61)
    scene.work()
    assert [one["attributes"]["first_name"] for one in scene.writes()[seen:]] == ["Anna"]
    assert ClientSync.objects.settled().get().confirm_at is None


def test_nothing_leaves_on_a_lease_shorter_than_a_requests_deadline(scene: Scene) -> None:
    ana, cleo = scene.add(email="ana@example.com"), scene.add(email="cleo@example.com")
    connection = scene.sync()
    scene.change(ana, first_name="Ana")
    scene.add(email="bea@example.com")
    pushes = claim(connection)
    scene.opt_out(cleo)
    opt_outs = claim(connection, Priority.OPT_OUT)
    seen = len(scene.writes())
    looked = len(scene.klaviyo.request_log(operation="get_profiles"))

    time_passes(8)
    engine.push_all(pushes, Klaviyo(connection))
    engine.suppress_all(opt_outs, Klaviyo(connection))

    assert len(scene.writes()) == seen
    assert len(scene.klaviyo.request_log(operation="get_profiles")) == looked


def test_an_edit_during_a_push_is_not_lost(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    scene.change(ana, first_name="Anna")
    (row,) = claim(connection)

    scene.change(ana, first_name="Annabel")
    engine.push_all([row], Klaviyo(connection))
    assert row_of(ana).desired_version == row_of(ana).synced_version + 1
    scene.work()

    assert scene.values()["ana@example.com"] == ("Annabel", None, None)


def test_wake_ups_for_one_studio_in_every_thread_push_each_client_once(
    scene: Scene, lotus: Studio
) -> None:
    connection = scene.sync()
    for client in people(lotus, 12):
        client.save()

    answers = at_once(*[lambda: engine.work_on(connection, engine.LIVE)] * 6)
    time_passes()  # some were told that another thread renews the token
    scene.work()

    assert not [one for one in answers if isinstance(one, Exception)]
    created = [one["email"] for one in scene.writes()]
    assert len(created) == len(set(created)) == 12


# Lock order: studio, client, sync row. The desk must never be the victim of a deadlock.


def test_an_edit_and_the_completion_of_its_opt_out_wait_for_each_other_in_order(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    scene.opt_out(ana)

    together(
        lambda: edit_slowly(ana),
        lambda: engine.work_on(connection, engine.LIVE),
    )
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def test_an_edit_and_a_refusal_of_its_client_wait_for_each_other_in_order(scene: Scene) -> None:
    connection = scene.sync()
    ana = scene.add(first_name="Ana", email="ana@no-dots")

    together(
        lambda: edit_slowly(ana),
        lambda: engine.work_on(connection, engine.LIVE),
    )

    assert not ClientSync.objects.exclude(attempts=0).exists()


def test_an_edit_and_the_backfills_seed_wait_for_each_other_in_order(scene: Scene) -> None:
    scene.add(email="bea@example.com")
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.connect()

    together(lambda: edit_slowly(ana), lambda: seed_all(connection))
    scene.work()

    assert scene.values()["ana@example.com"] == ("Edited", None, None)


def test_an_edit_and_the_reconcile_wait_for_each_other_in_order(
    scene: Scene, synced: Connection, lotus: Studio
) -> None:
    ana, _ = people(lotus, 2)

    together(lambda: edit_slowly(ana), reconcile_all)
    scene.work()

    assert scene.values()[ana.email] == ("Edited", None, None)


def test_a_deletion_and_the_completion_of_a_push_wait_for_each_other_in_order(scene: Scene) -> None:
    """The request is on its way when the deletion begins, and answered before it ends."""
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    scene.change(ana, first_name="Anna")
    rows = claim(connection)
    scene.klaviyo.fault("delay", operation="update_profile", seconds=LONG_ENOUGH_S / 2)

    def delete_slowly() -> None:
        with transaction.atomic():
            producer.clients_deleted(ana.studio, [Client.objects.get(pk=ana.pk)])
            time.sleep(LONG_ENOUGH_S)
            Client.objects.get(pk=ana.pk).delete()

    together(lambda: engine.push_all(rows, Klaviyo(connection)), delete_slowly)

    assert not ClientSync.objects.exists()


def edit_slowly(client: Client) -> None:
    """As a form does: the row locked, then saved."""
    with transaction.atomic():
        client = Client.objects.for_edit(client.studio).get(pk=client.pk)
        time.sleep(LONG_ENOUGH_S)
        client.first_name = "Edited"
        client.save()


def together(first: Callable[[], object], second: Callable[[], object]) -> None:
    """The first takes its locks; the second runs into them."""

    def come_second() -> object:
        time.sleep(LONG_ENOUGH_S / 4)
        return second()

    for answer in at_once(first, come_second):
        assert not isinstance(answer, Exception), answer


def people(studio: Studio, count: int) -> list[Client]:
    """Clients that came past the signals."""
    clients = [
        Client(studio=studio, email=f"client{number}@example.com", email_opt_in=True)
        for number in range(count)
    ]
    return Client.objects.bulk_create(clients)


def seeded(connection: Connection, clients: list[Client]) -> None:
    seed_all(connection)
    assert ClientSync.objects.count() == len(clients)


def seed_all(connection: Connection) -> None:
    while backfill.seed_chunk(connection):
        pass

"""The outbox with several workers and an editing desk at the same moment."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import transaction
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo import backfill, chores, outbox, sync
from integrations.klaviyo.api import Cancelled, Klaviyo
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.push import push
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Studio
from tests.at_once import at_once
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import change, claim, opt_out, row_of, time_passes, values, writes

Work = Callable[[], None]
pytestmark = pytest.mark.django_db(transaction=True)

LONG_ENOUGH_S = 0.4  # for the other to run into our lock


@pytest.fixture(autouse=True)
def _nothing_is_swallowed(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A deadlock's victim may be the worker, which only logs it and comes back."""
    yield
    assert not [record for record in caplog.get_records("call") if record.exc_info]


def test_workers_claim_every_row_once(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio
) -> None:
    connection = connect()
    seeded(connection, people(lotus, 60))

    claims = at_once(
        *[lambda: outbox.claim(connection, Priority.BACKFILL, 20)] * outbox.CLAIMS_PER_STUDIO
    )

    rows = [row.pk for claimed in claims for row in claimed]  # type: ignore[attr-defined]
    assert len(rows) == len(set(rows))
    assert len(rows) >= 20


def test_one_studio_holds_only_so_many_claims_at_once(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio
) -> None:
    connection = connect()
    seeded(connection, people(lotus, 10))

    claims = [outbox.claim(connection, Priority.BACKFILL, 1) for _ in range(6)]

    assert [len(rows) for rows in claims] == [1, 1, 1, 1, 0, 0]


def test_a_row_is_claimed_by_its_priority_and_then_by_its_age(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana, bea, cleo = (add(email=f"{name}@example.com") for name in ("ana", "bea", "cleo"))
    connection = connect()
    work()

    change(bea, first_name="Bea")
    change(ana, first_name="Ana")
    opt_out(cleo)

    assert [row.client for row in claim(connection, Priority.OPT_OUT)] == [cleo]
    assert [row.client for row in claim(connection)] == [bea, ana]


def test_a_mark_needs_the_edits_own_transaction(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()

    with transaction.atomic():
        change(ana, first_name="Anna")
        marked = row_of(ana).wanted
        transaction.set_rollback(True)

    assert row_of(ana).wanted == row_of(ana).done == marked - 1


def test_a_row_taken_over_is_pushed_once_more_and_whoever_held_it_changes_nothing(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()
    work()
    change(ana, first_name="Anna")
    (asleep,) = claim(connection)

    time_passes(16)
    (row,) = claim(connection)
    push(row, Klaviyo(connection))
    before = ClientSync.objects.values().get()

    assert not outbox.complete(asleep)
    assert not outbox.postpone(asleep, 60, unknown=True)
    assert not outbox.release(asleep)
    with pytest.raises(Cancelled):
        push(asleep, Klaviyo(connection))
    assert ClientSync.objects.values().get() == before
    assert before["wanted"] == before["done"] + 1

    seen = len(writes(sandbox))
    time_passes(61)
    work()
    assert [one["attributes"]["first_name"] for one in writes(sandbox)[seen:]] == ["Anna"]
    assert ClientSync.objects.settled().get().confirm_at is None


def test_nothing_leaves_on_a_lease_shorter_than_a_requests_deadline(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana, cleo = add(email="ana@example.com"), add(email="cleo@example.com")
    connection = connect()
    work()
    change(ana, first_name="Ana")
    add(email="bea@example.com")
    pushes = claim(connection)
    opt_out(cleo)
    opt_outs = claim(connection, Priority.OPT_OUT)
    seen = len(writes(sandbox))
    looked = len(sandbox.arrivals(operation="get_profiles"))

    time_passes(8)
    sync._push(pushes, Klaviyo(connection))
    sync._suppress(opt_outs, Klaviyo(connection))

    assert len(writes(sandbox)) == seen
    assert len(sandbox.arrivals(operation="get_profiles")) == looked


def test_an_edit_during_a_push_is_not_lost(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()
    work()
    change(ana, first_name="Anna")
    (row,) = claim(connection)

    change(ana, first_name="Annabel")
    push(row, Klaviyo(connection))
    assert row_of(ana).wanted == row_of(ana).done + 1
    work()

    assert values(sandbox)["ana@example.com"] == ("Annabel", None, None)


def test_wake_ups_for_one_studio_in_every_thread_push_each_client_once(
    sandbox: SandboxProcess, connect: Connect, work: Work, lotus: Studio
) -> None:
    connection = connect()
    work()
    for client in people(lotus, 12):
        client.save()

    answers = at_once(*[lambda: sync.run(connection, sync.LIVE_LANE)] * 6)
    time_passes()  # some were told that another thread renews the token
    work()

    assert not [one for one in answers if isinstance(one, Exception)]
    created = [one["email"] for one in writes(sandbox)]
    assert len(created) == len(set(created)) == 12


# Lock order: studio, client, sync row. The desk must never be the victim of a deadlock.


def test_an_edit_and_the_completion_of_its_opt_out_wait_for_each_other_in_order(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()
    work()
    opt_out(ana)

    together(
        lambda: edit_slowly(ana),
        lambda: sync.run(connection, sync.LIVE_LANE),
    )
    work()

    assert sandbox.suppressed() == {"ana@example.com"}


def test_an_edit_and_a_refusal_of_its_client_wait_for_each_other_in_order(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connection = connect()
    work()
    ana = add(first_name="Ana", email="ana@no-dots")

    together(
        lambda: edit_slowly(ana),
        lambda: sync.run(connection, sync.LIVE_LANE),
    )

    assert not ClientSync.objects.exclude(attempts=0).exists()


def test_an_edit_and_the_backfills_seed_wait_for_each_other_in_order(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    add(email="bea@example.com")
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()

    together(lambda: edit_slowly(ana), lambda: seed_all(connection))
    work()

    assert values(sandbox)["ana@example.com"] == ("Edited", None, None)


def test_an_edit_and_the_reconcile_wait_for_each_other_in_order(
    sandbox: SandboxProcess, connect: Connect, lotus: Studio, work: Work
) -> None:
    connect()
    work()
    ana, _ = people(lotus, 2)

    together(lambda: edit_slowly(ana), chores.reconcile)
    work()

    assert values(sandbox)[ana.email] == ("Edited", None, None)


def test_a_deletion_and_the_completion_of_a_push_wait_for_each_other_in_order(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """The request is on its way when the deletion begins, and answered before it ends."""
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()
    work()
    change(ana, first_name="Anna")
    rows = claim(connection)
    sandbox.fault("delay", operation="update_profile", seconds=LONG_ENOUGH_S / 2)

    def delete_slowly() -> None:
        with transaction.atomic():
            outbox.part(Client.objects.get(pk=ana.pk))
            time.sleep(LONG_ENOUGH_S)
            Client.objects.get(pk=ana.pk).delete()

    together(lambda: sync._push(rows, Klaviyo(connection)), delete_slowly)

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
    while backfill.seed(connection):
        pass

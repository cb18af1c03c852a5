"""The backfill: everybody once, whatever is edited meanwhile and wherever it is interrupted."""

from threading import Event

import pytest
from django.db import transaction
from django.utils import timezone

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import backfill, engine
from integrations.klaviyo.sync.reconcile import reconcile_all
from studios.models import Studio
from tests.support.klaviyo.scene import Scene, time_passes
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


def people(studio: Studio, count: int, prefix: str = "client", **fields: object) -> None:
    fields = {"email_opt_in": True} | fields
    Client.objects.bulk_create(
        Client(studio=studio, email=f"{prefix}{number}@example.com", **fields)
        for number in range(count)
    )


def priorities() -> dict[str, int]:
    return {row.client.email: row.priority for row in ClientSync.objects.all() if row.client}


def test_it_seeds_in_chunks_those_who_opted_out_first(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 3)
    people(lotus, 7)
    people(lotus, 2, "gone", email_opt_in=False, opted_out_at=timezone.now())
    connection = scene.connect()

    sizes = []
    while backfill.seed_chunk(connection):
        sizes.append(ClientSync.objects.count())

    assert sizes == [2, 2, 5, 8, 9, 9]
    assert Connection.objects.get().phase == Connection.Phase.SEEDED
    assert set(priorities().values()) == {Priority.KNOWN_OPT_OUT, Priority.BACKFILL}
    assert priorities()["gone0@example.com"] == Priority.KNOWN_OPT_OUT


def test_a_crash_between_or_within_chunks_skips_nobody_and_repeats_nobody(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 4)
    people(lotus, 10)
    connection = scene.connect()
    save = Connection.save

    def die(self: Connection, **kwargs: object) -> None:
        save(self, **kwargs)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    for _ in range(5):
        with pytest.MonkeyPatch.context() as dying:
            dying.setattr(Connection, "save", die)
            with pytest.raises(KeyboardInterrupt):
                backfill.seed_chunk(connection)
        backfill.seed_chunk(Connection.objects.get())
    while backfill.seed_chunk(connection):
        pass

    assert ClientSync.objects.count() == 10
    assert set(ClientSync.objects.values_list("desired_version", flat=True)) == {1}


def test_everybody_is_counted_in_one_place_at_every_moment(scene: Scene, lotus: Studio) -> None:
    people(lotus, 5)
    people(lotus, 3, "gone", email_opt_in=False, opted_out_at=timezone.now())
    people(lotus, 2, "never", email_opt_in=False)
    scene.add(first_name="No email", email="")
    scene.add(email="bad@no-dots")

    scene.sync()

    rows = ClientSync.objects.all()
    assert rows.count() == rows.settled().count() == Client.objects.count() == 12
    assert rows.exclude(confirmed_address="").count() == len(scene.klaviyo.profiles()) == 5
    assert rows.filter(reason=Reason.NOT_OPTED_IN).count() == 2
    assert rows.filter(reason=Reason.NO_EMAIL).count() == 1
    assert rows.filter(reason=Reason.EMAIL_INVALID).count() == 1
    assert rows.filter(client__opted_out_at__isnull=False, reason="").count() == 3


def test_nobody_is_pushed_twice(scene: Scene, lotus: Studio) -> None:
    people(lotus, 20)

    scene.sync()
    Connection.objects.update(phase=Connection.Phase.OPT_OUTS, seeded_up_to=0)
    scene.work()

    told = [entry["email"] for entry in scene.writes()]
    assert len(told) == len(set(told)) == 20


def test_a_live_edit_goes_before_the_backfill(scene: Scene, lotus: Studio) -> None:
    people(lotus, 30)
    connection = scene.connect()
    while backfill.seed_chunk(connection):
        pass

    scene.change(Client.objects.get(email="client29@example.com"), first_name="Live")
    scene.work()

    assert scene.writes()[0]["email"] == "client29@example.com"
    assert len(scene.klaviyo.profiles()) == 30


def test_an_edit_during_the_seed_is_seeded_once_and_pushed_in_its_newest_state(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 2)
    people(lotus, 4)
    connection = scene.connect()
    backfill.seed_chunk(connection)
    backfill.seed_chunk(connection)

    for number in (0, 3):  # one behind the cursor, one before it
        scene.change(Client.objects.get(email=f"client{number}@example.com"), first_name="Edited")
    scene.work()

    assert ClientSync.objects.count() == 4
    assert scene.values()["client0@example.com"][0] == "Edited"
    assert scene.values()["client3@example.com"][0] == "Edited"
    assert len(scene.writes()) == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_known", [True, False], ids=["an edit", "a new client"])
def test_an_edit_that_saw_no_connection_commits_before_the_seed_reads(
    is_known: bool, scene: Scene, lotus: Studio
) -> None:
    """Fault 87: the edit's transaction is open while the owner connects."""
    if is_known:
        scene.add(first_name="Before", email="ana@example.com")
    edited, commit = Event(), Event()

    def edit() -> None:
        with transaction.atomic():
            ana = Client.objects.for_edit(lotus).first() or Client(studio=lotus)
            ana.first_name, ana.email, ana.email_opt_in = "After", "ana@example.com", True
            ana.save()
            edited.set()
            commit.wait(0.7)  # the connect can't come between: it waits for us

    def connect_and_sync() -> None:
        assert edited.wait(5)
        scene.sync()
        commit.set()

    answers = at_once(edit, connect_and_sync)

    assert answers == [None, None]
    assert scene.values() == {"ana@example.com": ("After", None, None)}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_backfill_seed_and_push_everybody_once(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 5)
    people(lotus, 24)
    connection = scene.connect()

    answers = at_once(*[lambda: engine.work_on(connection)] * 3)
    time_passes()
    scene.work()

    assert not [one for one in answers if isinstance(one, Exception)]
    told = [entry["email"] for entry in scene.writes()]
    assert len(told) == len(set(told)) == 24


def test_a_withdrawal_before_connecting_is_no_push_and_a_later_one_neither(
    scene: Scene, lotus: Studio
) -> None:
    scene.opt_out(scene.add(email="early@example.com"))
    late = scene.add(email="late@example.com")
    connection = scene.connect()
    while backfill.seed_chunk(connection):
        pass

    scene.opt_out(late)
    scene.work()

    assert scene.klaviyo.profiles() == []


def test_a_chunk_whose_last_client_is_deleted_goes_on(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "CHUNK_ROWS", 2)
    people(lotus, 5)
    connection = scene.connect()
    backfill.seed_chunk(connection)
    backfill.seed_chunk(connection)

    Client.objects.get(email="client1@example.com").delete()
    scene.work()

    assert len(scene.klaviyo.profiles()) == 4
    assert reconcile_all() == 0
    assert scene.last_entry()

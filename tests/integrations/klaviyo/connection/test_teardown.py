"""A connection ends wholly, whatever comes between."""

from types import ModuleType

import pytest
from django.core import mail

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import STAN
from integrations.klaviyo.connection import lifecycle, teardown
from integrations.klaviyo.connection.refusals import AlreadyConnectedError
from integrations.klaviyo.models import ClientSync, Connection, EndCause, EndedConnection, Priority
from integrations.klaviyo.sync import backfill
from studios.models import Studio, User
from tests.support.klaviyo.db_scan import rows_with
from tests.support.klaviyo.histories import (
    assert_nothing_is_left,
    crash_at,
    leases_run_out,
    make_history,
    turn_runs_out,
)
from tests.support.klaviyo.scene import Scene, claim

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


def test_an_ended_connection_leaves_nothing_of_klaviyos_in_any_table(
    scene: Scene, olive: User
) -> None:
    connection, words = make_history(scene)
    assert all(rows_with(word) for word in words if word != words[2])  # a scan that finds

    lifecycle.begin_disconnect(connection, EndCause.OWNER, by=olive)
    scene.work()

    assert_nothing_is_left(words)
    ended = EndedConnection.objects.get()
    assert (ended.cause, ended.by, ended.confirmed) == (EndCause.OWNER, olive, True)
    assert (ended.sync_rows_deleted, ended.profile_ids_deleted) == (3, 2)
    assert scene.klaviyo.grants() == []
    assert len(scene.klaviyo.profiles()) == 2  # they stay there
    assert Client.objects.count() == 3
    assert mail.outbox == []


def test_many_rows_go_in_chunks_and_are_all_counted(
    scene: Scene, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teardown, "CHUNK_ROWS", 3)
    for number in range(10):
        scene.add(email=f"client{number}@example.com", klaviyo_profile_id=f"01HPROFILE{number}")
    connection = scene.connect()
    while backfill.seed_chunk(connection):
        pass

    lifecycle.begin_disconnect(connection, EndCause.UNINSTALLED)
    scene.work()

    ended = EndedConnection.objects.get()
    assert (ended.sync_rows_deleted, ended.profile_ids_deleted) == (10, 10)
    assert_nothing_is_left(["01HPROFILE7"])


def test_the_end_waits_for_a_request_on_the_wire(scene: Scene) -> None:
    scene.add(email="ana@example.com")
    connection = scene.connect()
    while backfill.seed_chunk(connection):
        pass
    claim(connection, Priority.BACKFILL)
    lifecycle.begin_disconnect(connection, EndCause.OWNER)

    assert not teardown.finish(connection)
    assert scene.klaviyo.grants()
    leases_run_out()

    assert teardown.finish(connection)
    assert scene.klaviyo.grants() == []


def test_connecting_again_waits_for_the_end(scene: Scene) -> None:
    connection = scene.connect()
    lifecycle.begin_disconnect(connection, EndCause.OWNER)

    with pytest.raises(AlreadyConnectedError):
        scene.connect()
    teardown.finish(connection)

    assert scene.connect().pk != connection.pk


def test_who_it_was_is_forgotten_before_the_many_rows(scene: Scene) -> None:
    connection, words = make_history(scene)
    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teardown, "delete_rows", crash_at(teardown.delete_rows, after=False))
        with pytest.raises(RuntimeError):
            teardown.finish(connection)

    account, name, token, sealed, *_ = words

    assert ClientSync.objects.exists()
    assert not any(rows_with(word) for word in (account, name, token, sealed))


STEPS = [
    (teardown, "last_refresh_token"),
    (teardown, "revoke"),
    (teardown, "forget_grant"),
    (teardown, "ended_connection"),
    (teardown, "delete_chunk"),
    (teardown, "unlink_chunk"),
    (teardown, "add_to"),
    (teardown, "delete_connection"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("room", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_crash_at_any_step_of_the_end_is_made_good_by_the_next_worker(
    room: ModuleType, step: str, after: bool, scene: Scene
) -> None:
    connection, words = make_history(scene)
    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    crash = crash_at(getattr(room, step), after=after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, step, crash)
        with pytest.raises(RuntimeError, match="crash"):
            teardown.finish(Connection.objects.get())
    turn_runs_out()

    scene.work()

    assert_nothing_is_left(words)
    assert scene.klaviyo.grants() == []
    ended = EndedConnection.objects.get()
    assert (ended.cause, ended.confirmed) == (EndCause.OWNER, True)
    assert scene.connect()


def test_while_one_worker_is_at_it_no_other_is(scene: Scene) -> None:
    connection = scene.connect()
    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    assert teardown.my_turn(connection)

    assert not teardown.finish(connection)

    turn_runs_out()
    assert teardown.finish(connection)


def test_a_worker_that_read_the_row_long_ago_keeps_what_another_found_out(scene: Scene) -> None:
    connection = scene.connect()
    lifecycle.begin_disconnect(connection, EndCause.OWNER)
    stale = Connection.objects.get()
    teardown.forget_grant(Connection.objects.get())  # and died

    assert teardown.finish(stale)

    assert EndedConnection.objects.get().confirmed is True
    assert len(scene.klaviyo.request_log(operation="oauth_revoke")) == 1


def test_a_worker_that_wakes_after_the_end_leaves_the_next_connection_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    lifecycle.begin_disconnect(connection, EndCause.UNINSTALLED)
    unlink = teardown.unlink_chunk

    def sleep_through_the_end(sleeper: Connection) -> int:
        monkeypatch.setattr(teardown, "unlink_chunk", unlink)
        turn_runs_out()
        scene.work()
        scene.sync(account=STAN.id)
        return unlink(sleeper)

    monkeypatch.setattr(teardown, "unlink_chunk", sleep_through_the_end)

    assert not teardown.finish(Connection.objects.get())

    ana.refresh_from_db()
    (profile,) = scene.klaviyo.profiles(STAN.id)
    assert ana.klaviyo_profile_id == profile["id"]
    assert not EndedConnection.objects.exists()
    assert len(mail.outbox) == 1

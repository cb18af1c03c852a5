"""A connection ends wholly, whatever comes between."""

from collections.abc import Callable
from types import ModuleType

import pytest
from django.core import mail

from clients.models import Client
from integrations.klaviyo import (
    backfill,
    connections,
    ending,
    outbox,
)
from integrations.klaviyo.connections import AlreadyConnected
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    Priority,
)
from klaviyo_sandbox.testing import STAN, SandboxProcess
from studios.models import Studio, User
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.histories import (
    assert_nothing_is_left,
    crash_at,
    leases_run_out,
    make_history,
    turn_runs_out,
)
from tests.klaviyo.tables import rows_with

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)

Work = Callable[[], None]


def test_an_ended_connection_leaves_nothing_of_klaviyos_in_any_table(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work, olive: User
) -> None:
    connection, words = make_history(sandbox, connect, add, work)
    assert all(rows_with(word) for word in words if word != words[2])  # a scan that finds

    connections.fence(connection, EndCause.OWNER, by=olive)
    work()

    assert_nothing_is_left(words)
    ended = EndedConnection.objects.get()
    assert (ended.cause, ended.by, ended.confirmed) == (EndCause.OWNER, olive, True)
    assert (ended.sync_rows_deleted, ended.profile_ids_deleted) == (3, 2)
    assert sandbox.grants() == []
    assert len(sandbox.profiles()) == 2  # they stay there
    assert Client.objects.count() == 3
    assert mail.outbox == []


def test_many_rows_go_in_chunks_and_are_all_counted(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    lotus: Studio,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "CHUNK_ROWS", 3)
    for number in range(10):
        add(email=f"client{number}@example.com", klaviyo_profile_id=f"01HPROFILE{number}")
    connection = connect()
    while backfill.seed(connection):
        pass

    connections.fence(connection, EndCause.UNINSTALLED)
    work()

    ended = EndedConnection.objects.get()
    assert (ended.sync_rows_deleted, ended.profile_ids_deleted) == (10, 10)
    assert_nothing_is_left(["01HPROFILE7"])


def test_the_end_waits_for_a_request_on_the_wire(
    sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    add(email="ana@example.com")
    connection = connect()
    while backfill.seed(connection):
        pass
    outbox.claim(connection, Priority.BACKFILL, 8)
    connections.fence(connection, EndCause.OWNER)

    assert not ending.finish(connection)
    assert sandbox.grants()
    leases_run_out()

    assert ending.finish(connection)
    assert sandbox.grants() == []


def test_connecting_again_waits_for_the_end(sandbox: SandboxProcess, connect: Connect) -> None:
    connection = connect()
    connections.fence(connection, EndCause.OWNER)

    with pytest.raises(AlreadyConnected):
        connect()
    ending.finish(connection)

    assert connect().pk != connection.pk


def test_who_it_was_is_forgotten_before_the_many_rows(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connection, words = make_history(sandbox, connect, add, work)
    connections.fence(connection, EndCause.OWNER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ending, "_delete_rows", crash_at(ending._delete_rows, after=False))
        with pytest.raises(RuntimeError):
            ending.finish(connection)

    account, name, token, sealed, *_ = words

    assert ClientSync.objects.exists()
    assert not any(rows_with(word) for word in (account, name, token, sealed))


STEPS = [
    (ending, "_last_refresh_token"),
    (ending, "_revoke"),
    (ending, "_forget_grant"),
    (ending, "_ended"),
    (ending, "_delete_chunk"),
    (ending, "_unbind_chunk"),
    (ending, "_count"),
    (ending, "_bury"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("room", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_crash_at_any_step_of_the_end_is_made_good_by_the_next_worker(
    room: ModuleType,
    step: str,
    after: bool,
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
) -> None:
    connection, words = make_history(sandbox, connect, add, work)
    connections.fence(connection, EndCause.OWNER)
    crash = crash_at(getattr(room, step), after=after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, step, crash)
        with pytest.raises(RuntimeError, match="crash"):
            ending.finish(Connection.objects.get())
    turn_runs_out()

    work()

    assert_nothing_is_left(words)
    assert sandbox.grants() == []
    ended = EndedConnection.objects.get()
    assert (ended.cause, ended.confirmed) == (EndCause.OWNER, True)
    assert connect()


def test_while_one_worker_is_at_it_no_other_is(sandbox: SandboxProcess, connect: Connect) -> None:
    connection = connect()
    connections.fence(connection, EndCause.OWNER)
    assert ending._my_turn(connection)

    assert not ending.finish(connection)

    turn_runs_out()
    assert ending.finish(connection)


def test_a_worker_that_read_the_row_long_ago_keeps_what_another_found_out(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    connections.fence(connection, EndCause.OWNER)
    stale = Connection.objects.get()
    ending._forget_grant(Connection.objects.get())  # and died

    assert ending.finish(stale)

    assert EndedConnection.objects.get().confirmed is True
    assert len(sandbox.arrivals(operation="oauth_revoke")) == 1


def test_a_worker_that_wakes_after_the_end_leaves_the_next_connection_alone(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = add(email="ana@example.com")
    connection = connect()
    work()
    connections.fence(connection, EndCause.UNINSTALLED)
    unbind = ending._unbind_chunk

    def sleep_through_the_end(sleeper: Connection) -> int:
        monkeypatch.setattr(ending, "_unbind_chunk", unbind)
        turn_runs_out()
        work()
        connect(account=STAN.id)
        work()
        return unbind(sleeper)

    monkeypatch.setattr(ending, "_unbind_chunk", sleep_through_the_end)

    assert not ending.finish(Connection.objects.get())

    ana.refresh_from_db()
    (profile,) = sandbox.profiles(STAN.id)
    assert ana.klaviyo_profile_id == profile["id"]
    assert not EndedConnection.objects.exists()
    assert len(mail.outbox) == 1

"""A worker lives as long as PostgreSQL holds its session: what a dead one held is free at once."""

import pytest
from django.db import connection as database
from psycopg import OperationalError

from integrations.klaviyo.models import ClientSync, Connection, Worker
from integrations.klaviyo.outbox import liveness, turns
from tests.support.klaviyo.processes import environment, python, wait_for_line, wait_until
from tests.support.klaviyo.scene import Scene, claim
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

CLAIM_AND_HANG = """
import time
from integrations.klaviyo.models import Connection, Priority
from integrations.klaviyo.outbox import consumer, liveness, turns
presence = liveness.Presence()
presence.show()
connection = turns.begin(Connection.objects.get())
rows = consumer.claim(connection, {Priority.LIVE: 10})
turns.end(connection, turns.Waits())
assert len(rows) == 2 and {row.leased_by for row in rows} <= {None, presence.id}
print("claimed", flush=True)
time.sleep(600)
"""


HAVE_THE_TOKEN_AND_HANG = """
import time
from integrations.klaviyo.models import Connection
from integrations.klaviyo.outbox import liveness, turns
presence = liveness.Presence()
presence.show()
connection = turns.begin(Connection.objects.get())
turns.has_token(connection, 3600)
print("has it", flush=True)
time.sleep(600)
"""


@pytest.fixture
def two_due(scene: Scene) -> Scene:
    """Two live changes wait, and nothing else."""
    scene.sync()
    for name in ("ana", "bea"):
        scene.add(email=f"{name}@example.com")
    return scene


@pytest.mark.usefixtures("two_due")
def test_what_a_living_worker_holds_is_left_to_it_and_a_killed_ones_is_free_at_once() -> None:
    with python(CLAIM_AND_HANG, environment()) as other:
        wait_for_line(other, "claimed")
        assert ClientSync.objects.exclude(leased_by=None).count() == 2
        assert liveness.free_the_dead() == 0
        assert turns.with_work() == []

        other.kill()
        other.wait()

        wait_until(lambda: liveness.free_the_dead() == 2)
    assert not ClientSync.objects.exclude(lease=None).exists()
    assert not Worker.objects.exists()
    (woken,) = turns.with_work()
    assert len(claim(woken)) == 2


def test_the_token_of_a_worker_that_was_killed_without_a_lease_is_nowhere(scene: Scene) -> None:
    scene.sync()
    with python(HAVE_THE_TOKEN_AND_HANG, environment()) as other:
        wait_for_line(other, "has it")
        assert liveness.free_the_dead() == 0
        assert begun().has_token_elsewhere

        other.kill()
        other.wait()

        wait_until(lambda: liveness.free_the_dead() == 0 and not Worker.objects.exists())
    assert not begun().has_token_elsewhere


@pytest.mark.usefixtures("two_due")
def test_several_who_look_at_once_free_it_once() -> None:
    with python(CLAIM_AND_HANG, environment()) as other:
        wait_for_line(other, "claimed")
        other.kill()
        other.wait()
    assert ClientSync.objects.exclude(leased_by=None).count() == 2

    freed = at_once(*[liveness.free_the_dead] * 8)

    assert sorted(freed, key=str) == [0] * 7 + [2]


def test_a_worker_is_seen_until_it_goes() -> None:
    presence = liveness.Presence()
    presence.show()
    assert liveness.worker_id() == presence.id
    first = Worker.objects.get()

    presence.show()
    assert Worker.objects.get().seen_at > first.seen_at

    presence.end()
    assert liveness.worker_id() is None
    assert not Worker.objects.exists()


def test_whose_session_was_cut_is_a_new_worker_and_its_old_leases_are_free(
    two_due: Scene,
) -> None:
    presence = liveness.Presence()
    presence.show()
    before = presence.id
    (connection,) = turns.with_work()
    assert len(claim(connection)) == 2
    assert liveness.free_the_dead() == 0

    cut(presence)
    with pytest.raises(OperationalError):
        presence.show()
    presence.show()

    assert presence.id != before
    assert liveness.worker_id() == presence.id
    assert liveness.free_the_dead() == 2
    presence.end()


def begun() -> Connection:
    connection = turns.begin(Connection.objects.get())
    assert connection
    return connection


def cut(presence: liveness.Presence) -> None:
    """As PostgreSQL does when it restarts."""
    assert presence._session
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(%s, 5000)", [presence._session.info.backend_pid]
        )

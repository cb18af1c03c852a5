"""A worker dies at each named point of its work, and what must hold does once another took over."""

import re
import time
from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
)
from integrations.klaviyo.outbox import liveness
from tests.support.klaviyo.busy_desk import Desk
from tests.support.klaviyo.crashes import FINISHED, FROZEN, KILLED, Nursery, nursery
from tests.support.klaviyo.histories import assert_nothing_is_left, leases_run_out, make_history
from tests.support.klaviyo.processes import environment, wait_until
from tests.support.klaviyo.renewals import ROTATIONS, wait_is_over
from tests.support.klaviyo.scene import Scene, grant_of, time_passes
from tests.support.sources import ROOT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

# Each with how often a worker comes by, at least, over the work of `Desk`.
SYNC = {
    "claim: committed": 1,
    "preflight: about to look": 1,
    "preflight: exposure committed": 2,
    "preflight: opt-outs looked at": 3,
    "push: checked": 2,
    "push: answered": 2,
    "request: about to be written": 6,
    "request: answered": 6,
    "complete: about to write": 2,
    "complete: written": 3,
    "suppress: looked up": 1,
    "suppress: accepted": 2,
    "suppress: settled": 1,
}
SEED = ["seed: rows written", "seed: cursor written", "seed: committed"]
# With the ways in which Klaviyo may rotate refresh tokens.
REFRESH = {
    "refresh: announced": ["strict"],
    "refresh: exchanged": ROTATIONS,
    "refresh: written": ROTATIONS,
    "refresh: stored": ["strict"],
}
RETRY = "retry: committed"
TEARDOWN = [
    "teardown: turn taken",
    "teardown: grant revoked",
    "teardown: grant forgotten",
    "teardown: chunk of events deleted",
    "teardown: chunk of exposures deleted",
    "teardown: chunk of rows deleted",
    "teardown: chunk of clients unlinked",
    "teardown: rows deleted",
    "teardown: connection deleted",
]


DEADLINE_S = 1.5
REFRESH_AND_LOOK_UP = 3  # pieces that they write: head and body of one, the head of the other


@pytest.fixture(scope="module")
def workers(
    sandbox_process: SandboxProcess,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Nursery]:
    with django_db_blocker.unblock(), nursery(environment(sandbox_process)) as workers:
        yield workers


@pytest.fixture(autouse=True)
def unlimited_renewals(sandbox: SandboxProcess) -> None:
    sandbox.configure(refresh_per_minute=0)


def test_a_worker_dies_at_every_point_that_has_a_name() -> None:
    named = {
        point
        for path in (ROOT / "integrations").rglob("*.py")
        for point in re.findall(r'\breached\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    }

    assert named, "The guard found no point: has the call changed its name?"
    assert named == {*SYNC, *SEED, *REFRESH, RETRY, *TEARDOWN}, "Name each point in a list above."


# --- Pushes and suppressions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "skip"), [(point, skip) for point, times in SYNC.items() for skip in range(times)]
)
def test_nothing_is_lost_or_doubled_and_who_says_no_is_heard(
    point: str, skip: int, scene: Scene, workers: Nursery
) -> None:
    desk = Desk(scene)

    assert workers.kill_at(point, skip=skip) == KILLED
    since = desk.some_say_no()
    take_over(scene)

    desk.assert_all_is_well(since)


def take_over(scene: Scene) -> None:
    """Another worker finds what the dead one held, and works until nothing is left to do."""
    wait_until(lambda: liveness.free_the_dead() or not ClientSync.objects.leased().exists())
    for _ in range(2):  # doubts pass, and are looked at once more
        scene.work()
        time_passes()
    scene.work()


# --- Seeding --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("point", "skip"), [(point, skip) for point in SEED for skip in (0, 2)])
def test_everybody_is_seeded_once(point: str, skip: int, scene: Scene, workers: Nursery) -> None:
    for number in range(5):
        scene.add(email=f"client{number}@example.com", first_name=str(number))
    said_no = scene.add(email="no@example.com")
    scene.opt_out(said_no)
    scene.klaviyo.seed({"email": "no@example.com"})
    connection = scene.connect()

    assert workers.kill_at(point, skip=skip) == KILLED
    take_over(scene)

    connection.refresh_from_db()
    assert connection.phase == Connection.Phase.SEEDED
    assert ClientSync.objects.settled().count() == 6
    created = [one["email"] for one in scene.klaviyo.journal(operation="create_profile")]
    assert sorted(created) == [f"client{number}@example.com" for number in range(5)]
    assert scene.klaviyo.suppressed() == {"no@example.com"}


@pytest.mark.parametrize("skip", [0, 1])
def test_opt_outs_that_waited_for_a_permission_go_out(
    skip: int, scene: Scene, workers: Nursery
) -> None:
    names = {f"client{number}@example.com" for number in range(3)}
    clients = [scene.add(email=name) for name in names]
    scene.sync(scopes=SCOPES)
    for client in clients:
        scene.opt_out(client)
    scene.work()
    assert scene.klaviyo.suppressed() == set()
    account = Account(LOTUS.id, LOTUS.organization)
    lifecycle.add_scopes(scene.lotus, scene.olive, account, grant_of(scene.klaviyo))

    assert workers.kill_at(RETRY, skip=skip) == KILLED
    take_over(scene)

    assert scene.klaviyo.suppressed() == names
    assert not Connection.objects.get().retries_opt_outs


# --- Renewing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("point", "rotation"), [(point, each) for point, some in REFRESH.items() for each in some]
)
def test_a_grant_survives_but_for_a_strict_one_between_exchange_and_storing(
    point: str, rotation: str, scene: Scene, workers: Nursery
) -> None:
    scene.klaviyo.configure(rotation=rotation)
    scene.add(email="ana@example.com")
    connection = scene.connect()

    assert workers.kill_at(point) == KILLED
    wait_is_over(connection)
    take_over(scene)

    if rotation == "strict" and point in ("refresh: exchanged", "refresh: written"):
        assert EndedConnection.objects.get().cause == EndCause.RENEWAL_INTERRUPTED
        assert not Connection.objects.exists()
    else:
        connection.refresh_from_db()
        assert connection.refresh_started_at is None
        assert set(scene.ids()) == {"ana@example.com"}
        assert scene.klaviyo.journal(operation="grant_killed") == []


# --- Ending ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", TEARDOWN)
def test_an_end_is_finished_and_leaves_nothing(point: str, scene: Scene, workers: Nursery) -> None:
    connection, words = make_history(scene)
    rows, linked = ClientSync.objects.count(), Client.objects.exclude(klaviyo_profile_id=None)
    profiles = linked.count()
    lifecycle.begin_disconnect(connection, EndCause.OWNER, scene.olive)

    assert workers.kill_at(point) == KILLED
    wait_until(lambda: is_finished(scene))

    assert_nothing_is_left(words)
    assert scene.klaviyo.grants() == []
    ended = EndedConnection.objects.get()
    assert (ended.sync_rows_deleted, ended.profile_ids_deleted) == (rows, profiles)


def is_finished(scene: Scene) -> bool:
    scene.work()
    return not Connection.objects.exists()


# --- Freezing -------------------------------------------------------------------------------------


def test_who_says_no_while_a_worker_is_frozen_before_its_check_is_not_pushed(
    scene: Scene, workers: Nursery
) -> None:
    scene.sync()
    ana = scene.add(email="ana@example.com")

    assert workers.freeze_at("preflight: about to look") == FROZEN
    scene.opt_out(ana)
    assert workers.go_on() == FINISHED
    take_over(scene)

    assert scene.klaviyo.request_log(operation="create_profile") == []
    assert scene.klaviyo.profiles() == []


@pytest.mark.parametrize(
    ("point", "skip"),
    [("push: checked", 0), ("request: about to be written", REFRESH_AND_LOOK_UP)],
)
def test_a_request_that_was_checked_does_not_leave_after_its_deadline(
    point: str, skip: int, scene: Scene, workers: Nursery
) -> None:
    scene.sync()
    ana = scene.add(email="ana@example.com")

    assert workers.freeze_at(point, skip=skip, deadline_s=DEADLINE_S) == FROZEN
    assert scene.klaviyo.request_log(operation="get_profiles")
    time.sleep(DEADLINE_S)
    scene.opt_out(ana)
    leases_run_out()
    scene.work()  # of another worker's, for which it looks as if nothing had ever left
    assert workers.go_on() == FINISHED
    take_over(scene)

    assert scene.klaviyo.request_log(operation="create_profile") == []
    assert scene.klaviyo.profiles() == []

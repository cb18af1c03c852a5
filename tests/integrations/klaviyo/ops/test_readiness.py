"""`/readyz` turns bad when work stands still, and only then."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client as Browser

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Connection, Priority, RateLimit
from integrations.klaviyo.ops import readiness
from integrations.klaviyo.reasons import Reason
from tests.integrations.klaviyo.ops.conftest import Beat
from tests.support.klaviyo.scene import Scene, claim, row_of

HOUR = timedelta(hours=1)
LATE = "opt-outs or changes of 1 studio have not moved for 60 s, and Klaviyo is not why\n"


@pytest.fixture
def worker(worker_beats: Beat) -> None:
    """One is running."""
    worker_beats("alive", 0)


@pytest.fixture
def ana(scene: Scene, worker: None) -> Client:
    """In Klaviyo, and changed an hour ago: a worker should long have looked."""
    ana = scene.add(email="ana@example.com")
    scene.sync()
    an_hour_passes()
    scene.change(ana, first_name="Ana")
    an_hour_passes()
    return ana


def an_hour_passes() -> None:
    ClientSync.objects.update(due_at=F("due_at") - HOUR)
    RateLimit.objects.update(counted_at=F("counted_at") - HOUR)


def say(client: Browser) -> tuple[int, str]:
    answer = client.get("/readyz")
    return answer.status_code, answer.content.decode()


# Workers


def test_no_worker_at_all_is_wrong_once_something_waits(
    client: Browser, worker_beats: Beat, scene: Scene
) -> None:
    scene.sync()
    assert say(client) == (200, "ok\n")

    scene.add(email="ana@example.com")

    assert say(client) == (503, "no worker was seen ever, and work for Klaviyo waits\n")


def test_a_worker_that_was_heard_of_is_enough(
    client: Browser, worker_beats: Beat, connection: Connection
) -> None:
    worker_beats("dead", 3600)
    assert say(client) == (503, "no worker was seen for 3600 s, and work for Klaviyo waits\n")

    worker_beats("alive", 1)

    assert say(client) == (200, "ok\n")


def test_a_disconnecting_studio_waits_for_a_worker_too(
    client: Browser, worker_beats: Beat, synced: Connection
) -> None:
    Connection.objects.update(disconnecting_at=Now(), end_cause="owner")

    assert say(client)[0] == 503


# Changes


def test_a_change_that_nobody_takes_is_wrong(client: Browser, ana: Client) -> None:
    assert say(client) == (503, LATE)


def test_so_is_one_that_is_taken_again_and_again(client: Browser, ana: Client) -> None:
    """As by workers that die of it."""
    ClientSync.objects.update(due_at=F("due_at") + HOUR)
    claim(row_of(ana).connection)
    ClientSync.objects.update(due_at=F("due_at") - HOUR)

    assert say(client) == (503, LATE)


def test_so_is_an_opt_out_that_nobody_takes(client: Browser, ana: Client, scene: Scene) -> None:
    scene.opt_out(ana)
    Connection.objects.update(paused_at=Now())  # opt-outs are not held back
    an_hour_passes()

    assert say(client) == (503, LATE)


def test_a_fresh_change_is_not(
    client: Browser, worker: None, synced: Connection, scene: Scene
) -> None:
    scene.add(email="ana@example.com")

    assert say(client) == (200, "ok\n")


def test_a_backfill_may_take_hours(client: Browser, ana: Client) -> None:
    ClientSync.objects.update(priority=Priority.BACKFILL)

    assert say(client) == (200, "ok\n")


@pytest.mark.parametrize("by", ["paused_at", "suspended_at"])
def test_a_change_that_its_owner_holds_back_is_not(client: Browser, ana: Client, by: str) -> None:
    reason = Reason.NOT_ACCEPTED if by == "suspended_at" else ""
    Connection.objects.update(**{by: Now(), "suspended_reason": reason})

    assert say(client) == (200, "ok\n")


def test_one_that_klaviyo_holds_up_is_not(client: Browser, ana: Client) -> None:
    RateLimit.objects.update(blocked_until=Now() + HOUR, block=RateLimit.Block.NOT_ANSWERING)

    assert say(client) == (200, "ok\n")


def test_one_whose_studio_goes_as_fast_as_klaviyo_lets_it_is_not(
    client: Browser, ana: Client
) -> None:
    RateLimit.objects.update(counted_at=Now())

    assert say(client) == (200, "ok\n")


def test_pushes_that_move_excuse_no_opt_out(client: Browser, ana: Client, scene: Scene) -> None:
    scene.opt_out(ana)
    an_hour_passes()
    RateLimit.objects.update(counted_at=Now())
    RateLimit.objects.filter(operation="bulk_suppress_profiles").delete()

    assert say(client) == (503, LATE)


# Periodic jobs


@pytest.fixture
def every_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "periods_s", lambda: {"reconcile": 600.0, "welcome": 10.0})


@pytest.mark.usefixtures("every_ten_minutes")
def test_a_job_that_missed_three_turns_is_wrong(client: Browser, job_ran: Beat) -> None:
    job_ran("reconcile", 1900)

    assert say(client) == (503, "“reconcile” last ran 1900 s ago\n")


@pytest.mark.usefixtures("every_ten_minutes")
def test_one_that_missed_one_or_is_no_longer_there_is_not(client: Browser, job_ran: Beat) -> None:
    job_ran("reconcile", 1200)
    job_ran("welcome", 45)  # a restart takes as long
    job_ran("of an older version", 10**7)

    assert say(client) == (200, "ok\n")

"""The numbers are those of PostgreSQL at this moment, whichever process is asked."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from integrations.klaviyo.api import statistics
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import ClientSync, Connection, EndCause, Tally
from integrations.klaviyo.ops import metrics as ours
from integrations.klaviyo.reasons import Reason
from junocal.ops.metrics import Everything
from tests.integrations.klaviyo.ops.conftest import Beat
from tests.support.klaviyo.scene import Scene

Labels = tuple[str, ...]

pytestmark = pytest.mark.django_db


def read(name: str) -> dict[Labels, float]:
    """The samples of this name, by what their labels say."""
    samples = [sample for family in Everything().collect() for sample in family.samples]
    return {
        tuple(sample.labels.values()): sample.value
        for sample in samples
        if sample.name == f"{ours.PREFIX}_{name}"
    }


def test_what_waits_is_told_by_priority(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.opt_out(ana)
    scene.add(email="bea@example.com")
    scene.add(email="cleo@example.com")
    ClientSync.objects.filter(client=ana).update(due_at=F("due_at") - timedelta(hours=1))

    rows, oldest = read("due_rows"), read("oldest_due_seconds")

    assert rows == {("opt_out",): 1, ("live",): 2, ("known_opt_out",): 0, ("backfill",): 0}
    assert 3600 <= oldest["opt_out",] < 3660
    assert 0 < oldest["live",] < 60
    assert oldest["backfill",] == 0


def test_what_an_owner_holds_back_is_no_backlog(scene: Scene) -> None:
    scene.sync()
    scene.add(email="ana@example.com")
    Connection.objects.update(paused_at=Now())

    assert read("due_rows")["live",] == 0


def test_opt_outs_that_wait_for_an_owner_are_told(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync(scopes=SCOPES)
    scene.opt_out(ana)
    scene.work()

    assert read("opt_outs_waiting") == {(): 1}


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ("seeding", {"phase": "clients"}),
        ("working", {}),
        ("paused", {"paused_at": Now()}),
        ("suspended", {"suspended_at": Now(), "suspended_reason": Reason.NOT_ACCEPTED}),
        ("disconnecting", {"disconnecting_at": Now(), "end_cause": "owner", "paused_at": Now()}),
    ],
)
def test_a_connection_is_in_one_state(scene: Scene, state: str, changes: dict[str, object]) -> None:
    scene.sync()
    Connection.objects.update(**changes)

    told = read("connections")

    assert {labels for labels, count in told.items() if count} == {(state,)}
    assert sum(told.values()) == 1
    assert len(told) == 6


def test_one_that_klaviyo_ended_is_told_as_well(scene: Scene) -> None:
    lifecycle.begin_disconnect(scene.sync(), EndCause.GRANT_DEAD)
    scene.work()

    assert read("connections")["reconnect_required",] == 1


def test_requests_are_a_histogram(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "ours", statistics.Statistics())
    for seconds in (0.01, 0.07, 99.0):
        statistics.ours.add(("request", "get_profiles", "ok"), seconds=seconds)
    statistics.ours.add(("request", "get_profiles", "throttled"), seconds=0.01)
    statistics.flush()

    buckets = read("request_seconds_bucket")

    assert buckets["get_profiles", "ok", "0.05"] == 1
    assert buckets["get_profiles", "ok", "0.1"] == 2
    assert buckets["get_profiles", "ok", "8.0"] == 2
    assert buckets["get_profiles", "ok", "+Inf"] == 3
    assert read("request_seconds_count")["get_profiles", "ok"] == 3
    assert read("request_seconds_sum")["get_profiles", "ok"] == pytest.approx(99.08)
    assert read("throttled_total") == {("get_profiles",): 1}


def test_refreshes_and_mishaps_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "ours", statistics.Statistics())
    statistics.count(Tally.What.REFRESH, outcome="renewed")
    statistics.count(Tally.What.REFRESH, 2, outcome="dead")
    statistics.count(Tally.What.TAKEOVER, 5)
    statistics.flush()

    assert read("refreshes_total") == {("renewed",): 1, ("dead",): 2}
    assert read("takeovers_total") == {(): 5}
    assert read("deadlocks_total") == {(): 0}


def test_heartbeats_are_told(worker_beats: Beat, job_ran: Beat) -> None:
    worker_beats("one", 1)
    worker_beats("two", 2)
    worker_beats("long dead", 3600)
    job_ran("reconcile", 600)

    assert read("workers") == {(): 2}
    seen, ran = read("worker_seen_timestamp_seconds"), read("job_ran_timestamp_seconds")
    assert seen[()] - ran["reconcile",] == pytest.approx(599, abs=1)


def test_no_number_names_anybody(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com", first_name="Ana")
    connection = scene.sync()
    statistics.flush()

    told = str([family.samples for family in Everything().collect()])

    for word in ("ana@example.com", str(connection.pk), str(ana.public_id), "lotus", "Lotus"):
        assert word not in told

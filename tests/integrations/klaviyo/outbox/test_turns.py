"""Turns: a studio that can do nothing now costs the sweep nothing, and nobody waits for what a
neighbour has."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo.api import access_tokens, rate_limits
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import OPERATIONS
from integrations.klaviyo.models import ClientSync, Connection, RateLimit, Turn
from integrations.klaviyo.outbox import producer, turns
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import engine
from studios.models import Studio
from tests.support.klaviyo.scene import Scene, row_of, spend_renewals, time_passes

pytestmark = pytest.mark.django_db

SWEEPS_AGAIN_S = 1.0


def pause(connection: Connection) -> None:
    Connection.objects.update(paused_at=Now())


def suspend(connection: Connection) -> None:
    lifecycle.suspend(connection, Reason.NOT_ACCEPTED)


def block(connection: Connection) -> None:
    for operation in OPERATIONS:
        rate_limits.throttled(connection, operation, 600)


def spend_all(connection: Connection) -> None:
    block(connection)  # which makes the rows
    RateLimit.objects.exclude(operation=rate_limits.REFRESH).update(
        burst=1, steady=1, tokens=0, capacity=1, rate=1 / 60, blocked_until=None, counted_at=Now()
    )


@pytest.mark.parametrize("stop", [pause, suspend, block, spend_all])
def test_a_studio_that_can_do_nothing_now_is_not_looked_at(
    stop: Callable[[Connection], None], scene: Scene
) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    stop(connection)

    scene.change(ana, first_name="Ana")
    assert turns.with_work() == [connection], "a change is looked at once"
    engine.work_on(connection)

    assert ClientSync.objects.due().count() == 1
    assert turns.with_work() == []
    assert turns.soonest_s(5.0) == 5.0


def test_a_paused_studios_opt_out_goes_at_once(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    pause(connection)
    engine.work_on(connection)

    scene.opt_out(ana)
    engine.work_on(connection)

    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def test_what_had_to_wait_goes_on_by_itself(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    block(connection)
    scene.change(ana, first_name="Ana")
    engine.work_on(connection)

    time_passes(601)
    scene.work()

    assert scene.values()["ana@example.com"] == ("Ana", None, None)


def test_who_has_no_token_takes_no_rows_from_who_has_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After restarts the renewals of a grant are spent, and one process holds a good token."""
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    neighbours = access_tokens.memory
    spend_renewals()
    scene.opt_out(ana)

    monkeypatch.setattr(access_tokens, "memory", access_tokens.Memory())
    engine.work_on(connection)
    row = row_of(ana)
    assert (row.lease, row.attempts) == (None, 0)
    assert ClientSync.objects.due().count() == 1

    monkeypatch.setattr(access_tokens, "memory", neighbours)
    time_passes_for_the_sweep()
    assert turns.with_work() == [connection], "the neighbour looks at it within a second"
    engine.work_on(connection)
    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def time_passes_for_the_sweep() -> None:
    turn = Turn.objects.get()
    assert turn.next_at
    Turn.objects.update(next_at=turn.next_at - timedelta(seconds=SWEEPS_AGAIN_S))


def test_a_change_of_many_goes_behind_an_edit_by_hand(scene: Scene, lotus: Studio) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync()
    many = Client.objects.bulk_create(
        Client(studio=lotus, email=f"c{number}@example.com", email_opt_in=True)
        for number in range(producer.MANY + 1)
    )
    producer.enqueue(lotus.pk, [client.pk for client in many])

    scene.change(ana, first_name="Ana")
    engine.work_on(connection, engine.LIVE)

    assert scene.values() == {"ana@example.com": ("Ana", None, None)}
    scene.work()
    assert len(scene.values()) == producer.MANY + 2

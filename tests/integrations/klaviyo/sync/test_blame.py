"""Whose trouble is it? One client's, an operation's, everybody's: nobody else waits for it."""

import logging
from collections.abc import Sequence

import pytest

from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.features import suppression
from integrations.klaviyo.models import ClientSync, Connection, RateLimit
from integrations.klaviyo.outbox import turns
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import upsert
from tests.support.klaviyo.scene import (
    Scene,
    row_of,
    spend_renewals,
    statuses,
    time_passes,
    time_slices,
)

pytestmark = pytest.mark.django_db


def test_one_bad_answer_in_eight_holds_up_only_those_whose_it_was(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upsert, "IN_FLIGHT", 4)  # so that there are some to hold up
    clients = [scene.add(email=f"client{number}@example.com") for number in range(24)]
    scene.sync()
    scene.klaviyo.fault("503", operation="update_profile", containing="Unlucky")

    for number, client in enumerate(clients):
        scene.change(client, first_name="Unlucky" if number % 8 == 3 else "Lucky")
    time_slices(2)

    assert not RateLimit.objects.exclude(blocked_until=None).exists()
    names = [values[0] for values in scene.values().values()]
    assert names.count("Lucky") == 21
    held_up = ClientSync.objects.filter(attempts__gte=1)
    assert {row.client for row in held_up} == {clients[3], clients[11], clients[19]}

    scene.klaviyo.clear_faults()
    time_passes(60)
    scene.work()
    names = [values[0] for values in scene.values().values()]
    assert names.count("Unlucky") == 3


def test_several_bad_answers_in_a_row_hold_up_the_operation(scene: Scene) -> None:
    clients = [scene.add(email=f"client{number}@example.com") for number in range(24)]
    scene.sync()
    scene.klaviyo.fault("503", operation="update_profile")

    for client in clients:
        scene.change(client, first_name="New")
    time_slices(3)

    assert len(scene.klaviyo.request_log(operation="update_profile")) <= 16
    assert turns.with_work() == []


def test_one_opt_out_that_cannot_be_worked_on_keeps_none_of_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [scene.add(email=f"client{number}@example.com") for number in range(9)]
    scene.sync()
    poison = row_of(clients[4]).pk
    suppress = suppression.suppress

    def poisoned(rows: Sequence[ClientSync], api: Klaviyo) -> None:
        if poison in [row.pk for row in rows]:
            raise ZeroDivisionError
        suppress(rows, api)

    monkeypatch.setattr(suppression, "suppress", poisoned)
    for client in clients:
        scene.opt_out(client)
    scene.work()

    others = {client.email for client in clients if client != clients[4]}
    assert scene.klaviyo.suppressed() == others
    assert ClientSync.objects.get(attempts__gte=1).pk == poison

    monkeypatch.undo()
    time_passes(60)
    scene.work()
    assert clients[4].email in scene.klaviyo.suppressed()


@pytest.mark.parametrize("operation", ["get_profiles", "create_profile", "bulk_suppress_profiles"])
def test_a_revision_that_klaviyo_retired_is_the_operators_and_parks_nobody(
    operation: str, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    bea = scene.add(email="bea@example.com")
    scene.sync()
    scene.klaviyo.fault("410", operation=operation)
    ana = scene.add(email="ana@example.com")
    scene.opt_out(bea)
    time_slices(3)

    came = len(scene.klaviyo.request_log(operation=operation))
    assert 1 <= came <= 2
    assert not ClientSync.objects.exclude(reason="").exists()
    assert Connection.objects.get().suspended_reason == Reason.OUTDATED
    told = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert told == ["suspended: outdated"]

    scene.klaviyo.clear_faults()
    time_passes(61)
    scene.work()
    assert scene.klaviyo.profile(ana.email)
    assert scene.klaviyo.suppressed() == {"bea@example.com"}
    assert set(statuses(scene.klaviyo.request_log(operation=operation)[came:])) <= {200, 201, 202}


def test_one_stray_401_stops_nobody_where_no_renewal_is_left(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    spend_renewals()
    scene.klaviyo.fault("401", operation="update_profile", times=1)

    scene.change(ana, first_name="Ana")
    time_slices(2)

    assert statuses(scene.klaviyo.request_log(operation="update_profile")) == [401, 200]
    assert not Connection.objects.get().refused_at


def test_one_stray_401_stops_nobody(scene: Scene) -> None:
    ana, bea = scene.add(email="ana@example.com"), scene.add(email="bea@example.com")
    scene.connect()
    scene.klaviyo.fault("401", operation="get_profiles", times=1)  # on a token of this moment

    scene.work()
    assert Connection.objects.get().refused_at
    assert not Connection.objects.get().is_suspended

    time_passes(60)
    scene.work()

    assert set(scene.ids()) == {ana.email, bea.email}

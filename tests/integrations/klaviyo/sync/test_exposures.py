"""What may exist at Klaviyo because of us: who is suppressed for it, and who takes it over."""

import time

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Profile
from integrations.klaviyo.models import ClientSync, Exposure
from integrations.klaviyo.outbox import completion, producer
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync.plan import Plan
from integrations.klaviyo.sync.upsert import as_pushed
from tests.support.klaviyo.scene import (
    Scene,
    at,
    claim,
    expose,
    exposed,
    profile_id_of,
    push,
    row_of,
    time_passes,
    time_slices,
)

pytestmark = pytest.mark.django_db


# --- A suppression creates nobody -----------------------------------------------------------------


@pytest.mark.parametrize("fault", ["429", "400", "challenge"])
def test_a_creation_that_provably_did_not_happen_exposes_nothing(
    scene: Scene, settings: Settings, fault: str
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    scene.connect()
    scene.work()
    scene.klaviyo.fault(fault, operation="create_profile", times=1, retry_after="1")
    ana = scene.add(first_name="Ana", email="ana@example.com")
    time_slices(1)
    assert exposed(ana) == {}

    scene.opt_out(ana)
    scene.come_to_rest()

    assert scene.klaviyo.profiles() == []


@pytest.mark.parametrize(("applied", "profiles"), [("reset_after", 1), ("reset_before", 0)])
def test_a_creation_that_may_have_happened_is_looked_up_before_it_is_suppressed(
    scene: Scene, settings: Settings, applied: str, profiles: int
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    scene.connect()
    scene.work()
    scene.klaviyo.fault(applied, operation="create_profile", times=1)
    ana = scene.add(first_name="Ana", email="ana@example.com")
    time_slices(1)

    scene.opt_out(ana)
    scene.come_to_rest()

    assert len(scene.klaviyo.profiles()) == len(scene.klaviyo.suppressed()) == profiles
    assert not Exposure.objects.exclude(unknown_until=None).exists()


@pytest.mark.parametrize("fault", ["429", "400", "challenge"])
def test_a_move_that_provably_did_not_happen_exposes_nothing(
    scene: Scene, settings: Settings, fault: str
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault(fault, operation="update_profile", times=1, retry_after="1")
    scene.change(ana, email="new@example.com")
    time_slices(1)
    assert list(exposed(ana)) == ["ana@example.com"]

    scene.opt_out(ana)
    scene.come_to_rest()

    assert scene.klaviyo.suppressed() == {*scene.ids()} == {"ana@example.com"}


@pytest.mark.parametrize("applied", ["reset_after", "reset_before"])
def test_a_profile_that_may_have_moved_is_looked_up_before_it_is_suppressed(
    scene: Scene, settings: Settings, applied: str
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault(applied, operation="update_profile", times=1)
    scene.change(ana, email="new@example.com")
    time_slices(1)

    scene.opt_out(ana)
    scene.come_to_rest()

    assert len(scene.ids()) == 1
    assert scene.klaviyo.suppressed() == {*scene.ids()} == {*exposed(ana)}


def test_a_profile_that_may_move_later_is_suppressed_where_it_went(
    scene: Scene, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    fault = {"fault": "reset_then_apply", "operation": "update_profile"}
    scene.klaviyo.fault(**fault, times=1, seconds=1)
    scene.change(ana, email="new@example.com")
    time_slices(1)
    scene.opt_out(ana)
    scene.work()
    arrived = time.monotonic() + 20
    while "new@example.com" not in scene.ids() and time.monotonic() < arrived:
        time.sleep(0.1)
    scene.come_to_rest()

    assert scene.klaviyo.suppressed() == {*scene.ids()} == {"new@example.com"}


def test_a_doubt_that_passes_while_one_looks_is_looked_at_once_more(
    scene: Scene, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault("reset_after", operation="update_profile", times=1)
    scene.change(ana, email="new@example.com")
    time_slices(1)
    scene.opt_out(ana)

    def doubt_passes() -> None:
        Exposure.objects.filter(unknown_until__isnull=False).update(unknown_until=Now())

    at("suppress: looked up", doubt_passes, monkeypatch)
    scene.come_to_rest()

    assert scene.klaviyo.suppressed() == {*scene.ids()} == {"new@example.com"}


# --- What must be sent whatever was sent before ---------------------------------------------------


def test_what_is_forced_while_its_row_is_in_flight_is_sent_again(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    scene.change(ana, first_name="Anna")
    (row,) = claim(connection)
    assert row.client
    plan = Plan(row, row.client)
    api = Klaviyo(connection)
    profile = api.upsert(plan.request, lambda: None)

    producer.enqueue(connection.studio_id, [ana.pk], forced=True)
    completion.complete_pushes([as_pushed(plan, profile)])
    seen = scene.last_entry()
    scene.work()

    assert scene.operations(seen) == ["update_profile"]


# --- Doubt belongs to the profile -----------------------------------------------------------------


def test_a_late_request_of_a_profiles_former_holder_is_not_the_last_word(
    scene: Scene, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(first_name="Ana", email="ana@example.com")
    bea = scene.add(first_name="Bea", email="bea@example.com")
    scene.sync()
    scene.klaviyo.fault("reset_then_apply", operation="update_profile", times=1, seconds=2)
    scene.change(ana, email="x@example.com")
    time_slices(1)  # it left, nobody knows its outcome, and it is applied later

    scene.change(ana, email="ana2@example.com")
    scene.change(bea, email="ana@example.com")
    ClientSync.objects.filter(client=ana).update(due_at=row_of(bea).due_at, attempts=1)
    time_slices(2)  # Bea takes over the profile that has the address
    arrived = time.monotonic() + 20
    while "x@example.com" not in scene.values() and time.monotonic() < arrived:
        time.sleep(0.1)
    scene.come_to_rest()

    values = scene.values()
    assert values["ana@example.com"] == ("Bea", None, None)
    assert values["ana2@example.com"] == ("Ana", None, None)
    assert profile_id_of(bea) == scene.ids()["ana@example.com"]


@pytest.mark.parametrize("then", ["goes on", "opts out"])
def test_whose_profile_another_may_have_written_to_is_pushed_once_more(
    scene: Scene, settings: Settings, then: str
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(first_name="Ana", email="ana@example.com")
    bea = scene.add(first_name="Bea", email="bea@example.com")
    connection = scene.sync()
    scene.change(ana, email="new@example.com")
    scene.change(bea, email="ana@example.com")
    rows = {row.client_id: row for row in claim(connection)}
    profile = Profile(profile_id_of(ana) or "", "ana@example.com")  # as a look-up saw it
    api = Klaviyo(connection)
    push(rows[ana.pk], api)

    fault = {"fault": "reset_then_apply", "operation": "update_profile"}
    scene.klaviyo.fault(**fault, times=1, seconds=1)
    push(rows[bea.pk], api, found=profile)
    if then == "opts out":
        scene.opt_out(bea)
    time_passes(5)
    scene.work()
    arrived = time.monotonic() + 20
    while scene.values()["new@example.com"][0] != "Bea" and time.monotonic() < arrived:
        time.sleep(0.1)
    scene.come_to_rest()

    assert scene.values()["new@example.com"] == ("Ana", None, None)


def test_a_profile_of_ours_that_nobody_holds_is_taken_by_whoever_comes_to_its_address(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    bea = scene.add(first_name="Bea", email="bea@example.com")
    scene.sync()
    Client.objects.get(pk=ana.pk).delete()

    scene.change(bea, email="ana@example.com")
    scene.come_to_rest()

    assert row_of(bea).reason == ""
    assert scene.values()["ana@example.com"][0] == "Bea"


def test_who_takes_the_profile_of_somebody_deleted_clears_what_was_sent_for_them(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", last_name="Alba", email="ana@example.com")
    scene.sync()
    Client.objects.get(pk=ana.pk).delete()

    scene.add(first_name="Bea", email="ana@example.com")
    scene.come_to_rest()

    assert scene.values() == {"ana@example.com": ("Bea", None, None)}


def test_two_who_had_one_profile_after_the_other_can_both_be_deleted(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    bea = scene.add(first_name="Bea", email="bea@example.com")
    expose(bea, **{"ana@example.com": profile_id_of(ana)})

    for client in (ana, bea):
        Client.objects.get(pk=client.pk).delete()

    assert Exposure.objects.filter(sync=None).count() == 2


# --- A phone that becomes free --------------------------------------------------------------------


def test_who_went_without_a_phone_gets_it_when_it_is_free(scene: Scene) -> None:
    phone = "+4930123456"
    ana = scene.add(first_name="Ana", email="ana@example.com", phone=phone)
    scene.sync()
    bea = scene.add(first_name="Bea", email="bea@example.com", phone=phone)
    scene.come_to_rest()
    assert scene.values()["bea@example.com"] == ("Bea", None, None)

    scene.change(ana, phone="")
    scene.come_to_rest()

    assert scene.values()["bea@example.com"] == ("Bea", None, phone)
    assert row_of(bea).reason == ""


def test_a_phone_that_goes_with_a_profile_to_its_next_client_is_free_as_well(scene: Scene) -> None:
    phone = "+4930123456"
    ana = scene.add(first_name="Ana", email="ana@example.com", phone=phone)
    scene.sync()
    cleo = scene.add(first_name="Cleo", email="cleo@example.com", phone=phone)
    scene.come_to_rest()
    assert row_of(cleo).reason == Reason.PHONE_TAKEN

    Client.objects.get(pk=ana.pk).delete()  # her profile stays, and with it the phone
    scene.add(first_name="Bea", email="ana@example.com")
    scene.come_to_rest()

    assert scene.values()["ana@example.com"] == ("Bea", None, None)
    assert scene.values()["cleo@example.com"] == ("Cleo", None, phone)

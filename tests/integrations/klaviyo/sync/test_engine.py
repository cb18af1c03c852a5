"""One client's trouble, and trouble with all of them: what is tried again, and what waits."""

import pytest

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync.profile import attributes
from tests.support.klaviyo.scene import (
    Scene,
    profile_id_of,
    row_of,
    spend_renewals,
    statuses,
    time_passes,
    time_slices,
)

pytestmark = pytest.mark.django_db


def test_a_client_that_cannot_be_put_into_words_stops_nobody_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(client: Client, **how: object) -> dict[str, object]:
        if client.first_name == "Poison":
            raise ZeroDivisionError
        return attributes(client, **how)  # type: ignore[arg-type]

    monkeypatch.setattr("integrations.klaviyo.sync.plan.attributes", poisoned)
    for name in ("Ana", "Poison", "Cleo"):
        scene.add(first_name=name, email=f"{name}@example.com")

    scene.sync()

    assert set(scene.values()) == {"ana@example.com", "cleo@example.com"}
    assert ClientSync.objects.get(attempts__gte=1).client == Client.objects.get(first_name="Poison")


def test_an_address_that_no_look_up_can_be_made_of_stops_nobody_else(scene: Scene) -> None:
    scene.add(first_name="Ana", email="ana@example.com")
    bad = scene.add(first_name="Bad", email='"a]b"@example.com')

    scene.sync()

    assert set(scene.values()) == {"ana@example.com"}
    assert row_of(bad).reason == Reason.EMAIL_INVALID


def test_an_address_that_klaviyo_refuses_needs_a_person_until_it_is_corrected(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@no-dots")
    scene.sync()
    assert row_of(ana).reason == Reason.EMAIL_INVALID

    scene.change(ana, email="ana@example.com")
    scene.work()

    assert set(scene.values()) == {"ana@example.com"}
    assert row_of(ana).reason == ""


def test_without_permission_to_write_profiles_the_connection_is_refused_and_nobody_knocks_again(
    scene: Scene,
) -> None:
    for number in range(20):
        scene.add(email=f"client{number}@example.com")
    scene.connect(scopes=("accounts:read", "profiles:read"))

    time_slices(3)
    time_passes(30)
    time_slices(3)

    connection = Connection.objects.get()
    assert connection.is_suspended
    assert connection.suspended_reason == Reason.PERMISSION_MISSING
    assert statuses(scene.klaviyo.request_log(operation="create_profile")) == [403]
    assert ClientSync.objects.settled().count() == 0


def test_an_access_token_that_ran_out_is_renewed_and_the_same_client_pushed(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    scene.klaviyo.expire_tokens()

    scene.change(ana, first_name="Anna")
    scene.work()

    assert scene.values()["ana@example.com"] == ("Anna", None, None)
    assert statuses(scene.klaviyo.request_log(operation="update_profile")) == [401, 200]


def test_a_second_401_on_a_fresh_token_asks_for_the_owner_and_deletes_nothing(scene: Scene) -> None:
    ana, bea = scene.add(email="ana@example.com"), scene.add(email="bea@example.com")
    scene.sync()
    scene.klaviyo.fault("401", operation="update_profile")

    scene.change(ana, first_name="Ana")
    scene.change(bea, first_name="Bea")
    time_slices(3)

    connection = Connection.objects.get()
    assert not connection.is_disconnecting
    assert connection.refresh_token
    assert connection.suspended_reason == Reason.NOT_ACCEPTED
    refused = statuses(scene.klaviyo.request_log(operation="update_profile"))
    assert refused == [401] * 4  # two with a token that had grown old, and one each with two others
    assert profile_id_of(ana)
    assert not ClientSync.objects.settled().exists()


def test_a_refused_fresh_token_asks_for_the_owner_even_where_the_next_renewal_must_wait(
    scene: Scene,
) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    spend_renewals()
    scene.klaviyo.fault("401", operation="update_profile")

    scene.change(ana, first_name="Ana")
    for _ in range(3):
        time_slices(1)
        time_passes(61)

    assert Connection.objects.get().suspended_reason == Reason.NOT_ACCEPTED
    assert statuses(scene.klaviyo.request_log(operation="update_profile")) == [401] * 3

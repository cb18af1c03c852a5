"""One client's trouble, and trouble with all of them: what is tried again, and what waits."""

from collections.abc import Callable

import pytest
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo import profiles
from integrations.klaviyo.budgets import REFRESH
from integrations.klaviyo.models import ClientSync, Connection, RateBudget
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import (
    change,
    profile_id_of,
    row_of,
    statuses,
    time_passes,
    turns,
    values,
)

Work = Callable[[], None]
pytestmark = pytest.mark.django_db


def test_a_client_that_cannot_be_put_into_words_stops_nobody_else(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attributes = profiles.attributes

    def poisoned(client: Client, **how: object) -> dict[str, object]:
        if client.first_name == "Poison":
            raise ZeroDivisionError
        return attributes(client, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(profiles, "attributes", poisoned)
    for name in ("Ana", "Poison", "Cleo"):
        add(first_name=name, email=f"{name}@example.com")

    connect()
    work()

    assert set(values(sandbox)) == {"ana@example.com", "cleo@example.com"}
    assert ClientSync.objects.get(attempts=1).client == Client.objects.get(first_name="Poison")


def test_an_address_that_no_look_up_can_be_made_of_stops_nobody_else(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    add(first_name="Ana", email="ana@example.com")
    bad = add(first_name="Bad", email='"a]b"@example.com')

    connect()
    work()

    assert set(values(sandbox)) == {"ana@example.com"}
    assert row_of(bad).reason == Reason.EMAIL_INVALID


def test_an_address_that_klaviyo_refuses_needs_a_person_until_it_is_corrected(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@no-dots")
    connect()
    work()
    assert row_of(ana).reason == Reason.EMAIL_INVALID

    change(ana, email="ana@example.com")
    work()

    assert set(values(sandbox)) == {"ana@example.com"}
    assert row_of(ana).reason == ""


def test_without_permission_to_write_profiles_the_connection_is_refused_and_nobody_knocks_again(
    sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    for number in range(20):
        add(email=f"client{number}@example.com")
    connect(scopes=("accounts:read", "profiles:read"))

    turns(3)
    time_passes()
    turns(3)

    connection = Connection.objects.get()
    assert connection.is_refused
    assert connection.refused_reason == Reason.PERMISSION_MISSING
    assert statuses(sandbox.arrivals(operation="create_profile")) == [403]
    assert ClientSync.objects.settled().count() == 0


def test_an_access_token_that_ran_out_is_renewed_and_the_same_client_pushed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    sandbox.expire_tokens()

    change(ana, first_name="Anna")
    work()

    assert values(sandbox)["ana@example.com"] == ("Anna", None, None)
    assert statuses(sandbox.arrivals(operation="update_profile")) == [401, 200]


def test_a_second_401_on_a_fresh_token_asks_for_the_owner_and_deletes_nothing(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana, bea = add(email="ana@example.com"), add(email="bea@example.com")
    connect()
    work()
    sandbox.fault("401", operation="update_profile")

    change(ana, first_name="Ana")
    change(bea, first_name="Bea")
    turns(3)

    connection = Connection.objects.get()
    assert not connection.is_fenced
    assert connection.refresh_token
    assert connection.refused_reason == Reason.NOT_ACCEPTED
    assert statuses(sandbox.arrivals(operation="update_profile")) == [401, 401]
    assert profile_id_of(ana)
    assert not ClientSync.objects.settled().exists()


def test_a_refused_fresh_token_asks_for_the_owner_even_where_the_next_renewal_must_wait(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    RateBudget.objects.filter(operation=REFRESH).update(tokens=0, counted_at=Now())
    sandbox.fault("401", operation="update_profile")

    change(ana, first_name="Ana")
    for _ in range(4):
        turns(1)
        time_passes(11)  # for one renewal and no more

    assert Connection.objects.get().refused_reason == Reason.NOT_ACCEPTED
    assert statuses(sandbox.arrivals(operation="update_profile")) == [401, 401]

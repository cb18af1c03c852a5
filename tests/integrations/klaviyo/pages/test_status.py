"""Where clients stand: one of four each, whatever their rows look like, the same on every page."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.pages import stacked_bar, status
from integrations.klaviyo.pages.card import Card
from integrations.klaviyo.pages.status import ClientStatus
from integrations.klaviyo.reasons import NEEDS_ATTENTION, SENT_WITHOUT_PHONE, UNSENT, Reason
from studios.models import Studio, User
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(lotus: Studio, olive: User) -> Connection:
    return Connection.objects.create(
        studio=lotus,
        account_id="AbC123",
        account_name="Lotus Yoga Berlin",
        refresh_token="v1.test.sealed",
        connected_by=olive,
        phase=Connection.Phase.SEEDED,
    )


def stand(client: Client) -> str:
    studios_own = Client.objects.for_studio(client.studio)
    return next(
        one for one in ClientStatus if client in status.with_status(studios_own, one, client.studio)
    )


def sync(client: Client, connection: Connection, **fields: Any) -> ClientSync:
    """The client's row, nothing due unless told otherwise."""
    values = {"desired_version": 1, "synced_version": 1, "priority": Priority.LIVE} | fields
    row, _ = ClientSync.objects.update_or_create(
        client=client, defaults={"connection": connection, "studio": client.studio, **values}
    )
    return row


# --- One by one -----------------------------------------------------------------------------------


def test_a_client_without_consent_or_address_is_not_sent(
    connection: Connection, scene: Scene
) -> None:
    silent = scene.add(first_name="Ana", email="ana@lotus.test", email_opt_in=False)
    without = scene.add(first_name="Bo")
    gone = scene.add(email="cy@lotus.test", email_opt_in=False, opted_out_at=timezone.now())
    for client in (silent, without, gone):
        sync(client, connection)

    assert [stand(client) for client in (silent, without, gone)] == [ClientStatus.NOT_SENT] * 3
    assert status.count_unsent(connection.studio) == [
        (Reason.NO_EMAIL, 1),
        (Reason.NOT_OPTED_IN, 1),
        (Reason.OPTED_OUT, 1),
    ]


def test_a_client_with_a_profile_is_in_klaviyo_also_with_an_edit_on_its_way(
    connection: Connection, scene: Scene
) -> None:
    ana = scene.add(email="ana@lotus.test", klaviyo_profile_id="01A")

    sync(ana, connection, desired_version=3, synced_version=2)

    assert stand(ana) == ClientStatus.IN_KLAVIYO


@pytest.mark.parametrize("reason", SENT_WITHOUT_PHONE)
def test_a_client_sent_without_the_phone_is_in_klaviyo(
    connection: Connection, scene: Scene, reason: Reason
) -> None:
    ana = scene.add(email="ana@lotus.test", klaviyo_profile_id="01A")

    sync(ana, connection, reason=reason)

    assert stand(ana) == ClientStatus.IN_KLAVIYO


def test_a_client_not_sent_yet_waits(connection: Connection, scene: Scene) -> None:
    assert stand(scene.add(email="ana@lotus.test")) == ClientStatus.WAITING


def test_an_opt_out_on_its_way_waits(connection: Connection, scene: Scene) -> None:
    ana = scene.add(email="ana@lotus.test", email_opt_in=False, opted_out_at=timezone.now())

    sync(ana, connection, desired_version=2)

    assert stand(ana) == ClientStatus.WAITING


@pytest.mark.parametrize("reason", NEEDS_ATTENTION)
def test_what_a_person_has_to_see_to_needs_attention_until_they_did(
    connection: Connection, scene: Scene, reason: Reason
) -> None:
    ana = scene.add(email="ana@lotus.test")

    sync(ana, connection, reason=reason)
    before = stand(ana)
    sync(ana, connection, reason=reason, desired_version=2)
    after = stand(ana)

    assert (before, after) == (ClientStatus.ATTENTION, ClientStatus.WAITING)


def test_pushing_once_more_for_an_unknown_outcome_changes_nothing_that_is_shown(
    connection: Connection, scene: Scene
) -> None:
    later = timezone.now() + timedelta(seconds=60)
    ana = scene.add(email="ana@lotus.test", email_opt_in=False, opted_out_at=timezone.now())

    row = sync(ana, connection, desired_version=2, due_at=later, confirm_at=later)

    assert stand(ana) == ClientStatus.NOT_SENT
    assert not row.is_unsettled
    assert not ClientSync.objects.unsettled()


def test_a_change_whose_outcome_is_unknown_is_still_counted_as_safe_here(
    connection: Connection, scene: Scene
) -> None:
    now = timezone.now()
    ana = scene.add(email="ana@lotus.test")

    row = sync(
        ana,
        connection,
        desired_version=2,
        due_at=now + timedelta(seconds=3),
        confirm_at=now + timedelta(seconds=60),
    )

    assert row.is_unsettled
    assert Card(connection.studio).due == 1


def test_another_studios_clients_are_not_counted(
    connection: Connection, scene: Scene, stans: Studio
) -> None:
    scene.add(email="ana@lotus.test")
    scene.add(stans, email="kim@stans.test")

    assert Card(connection.studio).numbers.total == 1
    assert Card(stans).numbers.total == 1


# --- Whatever the rows look like ------------------------------------------------------------------

MOMENTS = some.none() | some.datetimes(
    datetime(2026, 1, 1), datetime(2026, 1, 2), timezones=some.just(timezone.get_fixed_timezone(0))
)
CONSENTS = some.sampled_from([(True, False), (False, False), (False, True)])
ROWS = some.fixed_dictionaries(
    {
        "desired_version": some.integers(1, 4),
        "synced_version": some.integers(0, 4),
        "priority": some.sampled_from(Priority.values),
        "reason": some.sampled_from(["", *Reason.values]),
        "attempts": some.integers(0, 2),
        "due_at": MOMENTS.filter(bool),
        "confirm_at": MOMENTS,
        "suppressed_at": MOMENTS,
    }
)
CLIENTS = some.tuples(CONSENTS, some.booleans(), some.booleans(), some.none() | ROWS)


@given(drawn=some.lists(CLIENTS, max_size=6), looked_up=some.sampled_from([0, 2, 3_000]))
def test_the_four_always_add_up_and_every_page_agrees(
    drawn: list[Any],
    looked_up: int,
    monkeypatch: pytest.MonkeyPatch,
    connection: Connection,
    lotus: Studio,
    olive: User,
) -> None:
    monkeypatch.setattr(status, "MOST_LOOKED_UP", looked_up)
    ClientSync.objects.all().delete()
    Client.objects.for_studio(lotus).delete()
    clients = [make(lotus, connection, number, *each) for number, each in enumerate(drawn)]

    numbers = Card(lotus).numbers
    card = Card(lotus)

    assert numbers.total == len(clients)
    studios_own = Client.objects.for_studio(lotus)
    for one in ClientStatus:
        assert status.with_status(studios_own, one, lotus).count() == getattr(numbers, one)
    assert sum(number for _, number in status.count_unsent(lotus)) == numbers.not_sent
    assert sum(number for _, number in status.count_attention(lotus)) == numbers.attention
    assert {reason for reason, _ in status.count_unsent(lotus)} <= set(UNSENT)
    assert card.needs_owner == (numbers.attention > 0)
    assert sum(one.number for one in card.todos) == numbers.attention
    assert sum(part.width for part in card.bar) == (stacked_bar.WIDTH if clients else 0)
    for client in clients:
        row = ClientSync.objects.filter(client=client).first()
        unsettled = ClientSync.objects.unsettled().filter(client=client).exists()
        assert unsettled == bool(row and row.is_unsettled)


def make(
    studio: Studio,
    connection: Connection,
    number: int,
    consent: tuple[bool, bool],
    has_email: bool,
    has_profile: bool,
    row: dict[str, Any] | None,
) -> Client:
    opted_in, opted_out = consent
    client = Client(
        studio=studio,
        first_name="A",
        email=f"c{number}@lotus.test" if has_email else "",
        email_opt_in=opted_in,
        opted_out_at=timezone.now() if opted_out else None,
        klaviyo_profile_id=f"01P{number}" if has_profile else None,
    )
    Client.objects.bulk_create([client])  # past the signals: the row is drawn too
    if row:
        sync(
            client,
            connection,
            **row | {"synced_version": min(row["synced_version"], row["desired_version"])},
        )
    return client

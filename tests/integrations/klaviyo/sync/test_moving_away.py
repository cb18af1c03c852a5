"""Somebody said no, and the profile at an address of theirs moves elsewhere: whoever comes first,
no suppression finds the address empty and makes a second profile there."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.features import suppression
from integrations.klaviyo.models import ClientSync, Connection, Exposure, Priority
from integrations.klaviyo.sync import engine
from tests.support.klaviyo.scene import Scene, at, claim, row_of, time_slices

pytestmark = pytest.mark.django_db

ANA, BEN, BENJAMIN = "ana@example.com", "ben@example.com", "benjamin@example.com"


@pytest.fixture
def api(scene: Scene) -> Klaviyo:
    """Ben's profile stood for Ana once. She says no, and he has a new address: both are due."""
    ana, ben = scene.add(email=ANA), scene.add(email=BEN)
    connection = scene.sync()
    Exposure.objects.create(
        connection=connection,
        sync=row_of(ana),
        address=BEN,
        spelling=BEN,
        profile_id=scene.ids()[BEN],
        is_confirmed=True,
    )
    scene.change(ben, email=BENJAMIN)
    scene.opt_out(ana)
    return Klaviyo(connection)


@pytest.fixture
def move(api: Klaviyo) -> Callable[[], None]:
    """Ben's push, by another worker."""
    rows = claim(api.connection)
    return lambda: engine.push_all(rows, api)


def suppress(connection: Connection) -> None:
    engine.suppress_all(claim(connection, Priority.OPT_OUT), Klaviyo(connection))


def test_a_profile_that_is_being_moved_is_not_suppressed_where_it_was(
    scene: Scene, api: Klaviyo, move: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at("push: checked", lambda: suppress(api.connection), monkeypatch)
    move()
    assert scene.klaviyo.suppressed() == {ANA}

    scene.come_to_rest()

    assert scene.klaviyo.suppressed() == {ANA}
    assert set(scene.values()) == {ANA, BENJAMIN}


def test_a_move_whose_worker_died_keeps_nobody_waiting(
    scene: Scene, api: Klaviyo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one of the client's own: who said no is suppressed where the profile is now."""
    cleo = scene.add(email="cleo@example.com")
    scene.come_to_rest()
    scene.change(cleo, email="new@example.com")

    def die() -> None:
        ClientSync.objects.filter(client=cleo).update(lease=None, lease_until=None, leased_by=None)
        raise KeyboardInterrupt

    at("push: answered", die, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        engine.push_all(claim(api.connection), api)
    scene.opt_out(cleo)
    suppress(api.connection)

    assert "new@example.com" in scene.klaviyo.suppressed()
    assert "cleo@example.com" not in scene.ids()


def test_a_profile_is_not_moved_while_it_is_being_suppressed(
    scene: Scene, api: Klaviyo, move: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scene.last_entry()
    at("preflight: opt-outs looked at", move, monkeypatch)
    suppress(api.connection)
    assert set(scene.operations(seen)) == {"bulk_suppress_profiles"}

    scene.come_to_rest()

    assert set(scene.values()) == {ANA, BENJAMIN}


def test_a_profile_that_left_since_the_look_is_not_suppressed_where_it_was(
    scene: Scene, api: Klaviyo, move: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the push looked at leases just before this suppression got its own."""
    look = suppression.with_exposures

    def look_and_be_overtaken(rows: Sequence[ClientSync]) -> list[suppression.OptOut]:
        opt_outs = look(rows)
        mine = ClientSync.objects.filter(pk__in=[row.pk for row in rows])
        until = mine.get().lease_until
        mine.update(lease_until=Now())
        move()
        mine.update(lease_until=until)
        monkeypatch.undo()
        return opt_outs

    monkeypatch.setattr(suppression, "with_exposures", look_and_be_overtaken)
    suppress(api.connection)
    assert scene.klaviyo.suppressed() == set()

    scene.come_to_rest()

    assert scene.klaviyo.suppressed() == {ANA}
    assert set(scene.values()) == {ANA, BENJAMIN}


def test_an_address_in_doubt_keeps_no_other_of_a_profile_that_has_surely_left_it(
    scene: Scene, settings: Settings
) -> None:
    """A creation there had no answer; the profile moved there did."""
    settings.KLAVIYO_QUARANTINE_S = 60
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    Exposure.objects.create(
        connection=row_of(ana).connection,
        sync=row_of(ana),
        address="new@example.com",
        spelling="new@example.com",
        unknown_until=timezone.now() + timedelta(seconds=60),
    )
    scene.change(ana, email="new@example.com")
    time_slices(1)
    scene.opt_out(ana)
    scene.come_to_rest()

    assert scene.klaviyo.suppressed() == {*scene.ids()} == {"new@example.com"}

"""An address that is another client's for the moment is owed, and suppressed in the end."""

import pytest

from clients.models import Client
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Profile
from integrations.klaviyo.models import ClientSync, Exposure, Priority
from integrations.klaviyo.outbox import exposures
from integrations.klaviyo.sync import engine
from integrations.klaviyo.sync.reconcile import reconcile_all
from tests.support.klaviyo.scene import (
    Scene,
    claim,
    exposed,
    row_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def owed(scene: Scene) -> tuple[Client, Client]:
    """Ana said no; Bea, who agreed, has taken Ana's address, where Ana's profile still is."""
    ana = scene.add(first_name="Ana", email="ana@example.com")
    bea = scene.add(first_name="Bea", email="bea@example.com")
    connection = scene.sync()
    scene.change(ana, email="new@example.com")
    scene.change(bea, email="ana@example.com")
    scene.opt_out(ana)
    engine.suppress_all(claim(connection, Priority.OPT_OUT), Klaviyo(connection))
    assert "ana@example.com" not in scene.klaviyo.suppressed()
    return ana, bea


def test_what_is_owed_is_suppressed_when_its_holder_moves_on(
    scene: Scene, owed: tuple[Client, Client]
) -> None:
    _, bea = owed

    scene.change(bea, email="other@example.com")
    scene.come_to_rest()

    assert "ana@example.com" in scene.klaviyo.suppressed()
    assert not Exposure.objects.filter(is_owed=True).exists()


def test_what_is_owed_is_suppressed_when_its_holder_opts_out(
    scene: Scene, owed: tuple[Client, Client]
) -> None:
    scene.opt_out(owed[1])
    scene.come_to_rest()

    assert "ana@example.com" in scene.klaviyo.suppressed()


def test_what_is_owed_is_suppressed_when_its_holder_is_deleted(
    scene: Scene, owed: tuple[Client, Client]
) -> None:
    Client.objects.get(pk=owed[1].pk).delete()
    scene.come_to_rest()

    assert "ana@example.com" in scene.klaviyo.suppressed()


def test_what_is_owed_is_suppressed_when_its_holder_changes_past_the_signals(
    scene: Scene, owed: tuple[Client, Client]
) -> None:
    Client.objects.filter(pk=owed[1].pk).update(email="other@example.com")
    reconcile_all()
    scene.come_to_rest()

    assert "ana@example.com" in scene.klaviyo.suppressed()


def test_what_is_owed_is_paid_when_the_holders_own_profile_is_there(
    scene: Scene, owed: tuple[Client, Client]
) -> None:
    ana, bea = owed

    scene.come_to_rest()

    assert scene.values()["ana@example.com"] == ("Bea", None, None)
    assert scene.klaviyo.suppressed() == set()
    assert exposed(ana) == {}
    assert "ana@example.com" in exposed(bea)


def test_a_deleted_debtor_is_remembered_until_the_debt_is_paid_and_no_longer(
    scene: Scene, owed: tuple[Client, Client]
) -> None:
    ana, bea = owed
    Client.objects.get(pk=ana.pk).delete()
    assert ClientSync.objects.filter(client=None).exists()

    scene.change(bea, email="other@example.com")
    scene.come_to_rest()

    assert "ana@example.com" in scene.klaviyo.suppressed()
    assert not ClientSync.objects.filter(client=None).exists()


def test_what_a_look_up_found_is_looked_up_again_before_it_is_suppressed(scene: Scene) -> None:
    """It was Ana's profile, on its way to her new address: the answer was old when it was noted."""
    ana = scene.add(first_name="Ana", email="ana@example.com")
    bea = scene.add(first_name="Bea", email="bea@example.com", email_opt_in=False)
    connection = scene.sync()
    profile = Profile(scene.ids()["ana@example.com"], "ana@example.com")
    scene.change(ana, email="new@example.com")
    scene.change(bea, email="ana@example.com")
    scene.work()

    exposures.found(connection.pk, [(row_of(bea), profile)])
    scene.opt_out(bea)
    scene.come_to_rest()

    assert set(scene.values()) == {"new@example.com"}
    assert scene.klaviyo.suppressed() == set()

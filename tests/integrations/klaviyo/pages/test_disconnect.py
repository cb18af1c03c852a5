"""Disconnecting asks first, and offers what would be lost."""

import pytest
from django.test import Client as Browser
from django.urls import reverse

from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.models import Connection
from tests.support.klaviyo.cards import CARD, page, press
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db


def test_disconnecting_asks_first_and_tells_the_consequences(
    scene: Scene, synced: Connection, olives: Browser
) -> None:
    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))

    assert LOTUS.organization in asked
    assert "Your profiles stay in Klaviyo" in asked
    assert "Download the list" not in asked
    assert Connection.objects.live().exists()


def test_disconnecting_offers_the_list_of_opt_outs_that_wait(
    three_scopes: Connection, olives: Browser, scene: Scene
) -> None:
    scene.add_opted_out(email="ana@lotus.test")

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))

    assert "Klaviyo has not heard of 1 opt-out" in asked
    assert reverse("klaviyo:opt_outs_csv", args=["lotus"]) in asked


def test_disconnecting_offers_the_list_of_opt_outs_that_klaviyo_did_not_answer_to(
    scene: Scene, olives: Browser
) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.sync()
    scene.klaviyo.fault("500")
    scene.opt_out(ana)
    scene.work()

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))
    listed = olives.get(reverse("klaviyo:opt_outs_csv", args=["lotus"])).content.decode()

    assert "Klaviyo has not heard of 1 opt-out" in asked
    assert listed.split() == ["Email", "ana@lotus.test"]


def test_disconnecting_twice_is_fine(scene: Scene, olives: Browser) -> None:
    scene.connect()

    first, second = press(olives, "disconnect"), press(olives, "disconnect")

    assert (first["Location"], second["Location"]) == (CARD, CARD)
    assert Connection.objects.get().is_disconnecting

"""Disconnecting asks first, and offers what would be lost."""

import pytest
from django.test import Client as Browser
from django.urls import reverse

from integrations.klaviyo.models import Connection
from integrations.klaviyo.operations import SCOPES
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from tests.klaviyo.cards import CARD, Work, page, press
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import opt_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def three_scopes(connect: Connect) -> Connection:
    return connect(scopes=SCOPES)


def test_disconnecting_asks_first_and_tells_the_consequences(
    connect: Connect, olives: Browser, work: Work
) -> None:
    connect()
    work()

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))

    assert LOTUS.organization in asked
    assert "Your profiles stay in Klaviyo" in asked
    assert "Download the list" not in asked
    assert Connection.objects.live().exists()


def test_disconnecting_offers_the_list_of_opt_outs_that_wait(
    three_scopes: Connection, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    work()
    opt_out(ana)
    work()

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))

    assert "Klaviyo has not heard of 1 opt-out" in asked
    assert reverse("klaviyo:opt_outs_csv", args=["lotus"]) in asked


def test_disconnecting_offers_the_list_of_opt_outs_that_klaviyo_did_not_answer_to(
    connect: Connect, sandbox: SandboxProcess, olives: Browser, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@lotus.test")
    connect()
    work()
    sandbox.fault("500")
    opt_out(ana)
    work()

    asked = page(olives, reverse("klaviyo:disconnect", args=["lotus"]))
    listed = olives.get(reverse("klaviyo:opt_outs_csv", args=["lotus"])).content.decode()

    assert "Klaviyo has not heard of 1 opt-out" in asked
    assert listed.split() == ["Email", "ana@lotus.test"]


def test_disconnecting_twice_is_fine(connect: Connect, olives: Browser, work: Work) -> None:
    connect()

    first, second = press(olives, "disconnect"), press(olives, "disconnect")

    assert (first["Location"], second["Location"]) == (CARD, CARD)
    assert Connection.objects.get().is_fenced

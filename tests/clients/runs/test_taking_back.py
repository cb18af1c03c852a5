"""A deletion and a desk's wrong untick, taken back within ten minutes."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from clients import consent
from clients.models import Client, ConsentSource, Run, SentAddress, Withdrawal
from clients.runs import control
from studios.models import Studio, User
from tests.clients.conftest import AddClient, Desk, address_of

pytestmark = pytest.mark.django_db


def take_back(browser: Browser) -> str:
    run = Run.objects.latest("pk")
    answer: Any = browser.post(f"{run.get_absolute_url()}undo/", follow=True)
    return str(answer.content.decode())


def test_a_wrong_untick(fays_desk: Desk, ana: Client, lotus: Studio) -> None:
    before = Client.objects.values("email_opt_in", "consent_changed_at").get()

    saved = fays_desk.edit(ana, email_opt_in=None, first_name="Anna")
    page = fays_desk.browser.get(saved["Location"]).content.decode()
    assert "You can take this back until" in page
    assert Withdrawal.stands(lotus, ana.email)
    assert "Taken back." in take_back(fays_desk.browser)

    ana.refresh_from_db()
    assert Client.objects.values("email_opt_in", "consent_changed_at").get() == before
    assert ana.first_name == "Anna"
    assert not Withdrawal.stands(lotus, ana.email)
    assert [event.text for event in ana.events.order_by("pk")][-2:] == [
        "Opted out of emails at the desk, by Fay Lindqvist",
        "Agreed to emails as something was taken back, by Fay Lindqvist",
    ]


def test_a_click_after_the_untick_stays(fays_desk: Desk, ana: Client, lotus: Studio) -> None:
    fays_desk.edit(ana, email_opt_in=None)
    ana.refresh_from_db()
    consent.withdraw(ana, source=ConsentSource.ONE_CLICK)

    page = take_back(fays_desk.browser)

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert Withdrawal.stands(lotus, ana.email)
    assert "Nothing was taken back" in page


def test_who_had_opted_out_before_has_nothing_to_be_taken_back(
    fays_desk: Desk, ana: Client
) -> None:
    fays_desk.edit(ana, email_opt_in=None)
    Run.objects.all().delete()
    ana.refresh_from_db()

    fays_desk.edit(ana, first_name="Anna")

    assert not Run.objects.exists()


def test_after_ten_minutes_it_is_over(fays_desk: Desk, ana: Client) -> None:
    saved = fays_desk.edit(ana, email_opt_in=None)

    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        page = fays_desk.browser.get(saved["Location"]).content.decode()
        assert "You can take this back" not in page
        with pytest.raises(control.NotNowError):
            control.undo(Run.objects.get())


def test_a_deleted_client_comes_back_with_the_history(olives: Browser, ana: Client) -> None:
    before = Client.objects.values().get()
    history = list(ana.events.order_by("pk").values())

    answer = olives.post(address_of("delete", ana), follow=True)
    assert "You can take this back until" in answer.content.decode()
    assert not Client.objects.exists()
    take_back(olives)

    assert Client.objects.values().get() == before
    assert list(Client.objects.get().events.order_by("pk").values()) == history


def test_a_deleted_client_whose_address_went_to_another_stays_deleted(
    olives: Browser, ana: Client, add_client: AddClient
) -> None:
    olives.post(address_of("delete", ana))
    add_client(first_name="Bea", email="ANA@example.com")

    page = take_back(olives)

    assert "Nothing was taken back" in page
    assert Client.objects.get().first_name == "Bea"


def test_a_no_by_the_link_in_an_old_email_stays_when_the_client_comes_back(
    olive: User, olives: Browser, ana: Client
) -> None:
    SentAddress.record(ana, ana.email)
    olives.post(address_of("delete", ana))
    consent.withdraw_by_token(ana.unsubscribe_token)

    take_back(olives)

    assert Client.objects.get().has_opted_out

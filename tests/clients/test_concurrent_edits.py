"""Two people at once, on real PostgreSQL: threads with transactions of their own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.urls import reverse

from clients import consent
from clients.models import Client, ConsentSource
from studios.models import Studio, User
from tests.clients.conftest import AddClient, Desk
from tests.support.cast import browser_of
from tests.support.threads import at_once, somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


def alone(work: Callable[[], Any]) -> Any:
    """In a thread of its own: beside a transaction that the test holds open."""
    [outcome] = at_once(work)
    return outcome


def wait_until_blocked() -> None:
    """Until another transaction waits for a lock, so that the order of events is known."""
    while not somebody_waits():
        pass


def test_of_two_saves_of_one_address_one_is_refused_kindly(lotus: Studio, fay: User) -> None:
    desks = [Desk(browser_of(fay)) for _ in range(4)]

    answers: list[Any] = at_once(
        *[lambda desk=desk: desk.add(first_name="Ana", email="ana@example.com") for desk in desks]
    )

    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 302]
    assert Client.objects.count() == 1
    for refused in (answer for answer in answers if answer.status_code == 200):
        assert "Ana already uses this address" in refused.content.decode()


def test_an_address_saved_while_ours_waits_is_refused_kindly(lotus: Studio, fay: User) -> None:
    """The look before the write saw nobody; only the constraint says no."""
    desk = Desk(browser_of(fay))

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Client.objects.create(studio=lotus, first_name="Bea", email="ANA@example.com")
            answer = threads.submit(alone, lambda: desk.add(email="ana@example.com"))
            wait_until_blocked()
        refused = answer.result()

    assert refused.status_code == 200
    assert "Bea already uses this address" in refused.content.decode()


def test_an_edit_to_an_address_saved_meanwhile_is_refused_kindly(
    lotus: Studio, fay: User, ana: Client
) -> None:
    desk = Desk(browser_of(fay))
    typed = desk.open(ana) | {"email": "bea@example.com"}

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            Client.objects.create(studio=lotus, first_name="Bea", email="bea@example.com")
            answer = threads.submit(alone, lambda: desk.save(ana, typed))
            wait_until_blocked()
        refused = answer.result()

    assert refused.status_code == 200
    assert "Bea already uses this address" in refused.content.decode()


def test_an_opt_out_under_way_wins_over_the_form_that_waits_for_it(
    lotus: Studio, fay: User, ana: Client
) -> None:
    desk = Desk(browser_of(fay))
    typed = desk.open(ana) | {"phone": "030 123456"}

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            consent.withdraw(
                Client.objects.for_edit(lotus).get(pk=ana.pk), source=ConsentSource.ONE_CLICK
            )
            answer = threads.submit(alone, lambda: desk.save(ana, typed))
            wait_until_blocked()
        saved = answer.result()

    ana.refresh_from_db()
    assert saved.status_code == 302
    assert ana.has_opted_out
    assert ana.phone == "+4930123456"


@pytest.mark.parametrize("_attempt", range(5))
def test_an_unsubscribe_and_a_save_at_once_lose_neither(
    fay: User, ana: Client, _attempt: int
) -> None:
    desk = Desk(browser_of(fay))
    typed = desk.open(ana) | {"phone": "030 123456"}
    link = reverse("clients:unsubscribe", args=[ana.unsubscribe_token])

    at_once(lambda: desk.save(ana, typed), lambda: browser_of(fay).post(link))

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert ana.phone == "+4930123456"


def test_edits_of_two_clients_wait_for_nobody(
    lotus: Studio, fay: User, ana: Client, add_client: AddClient
) -> None:
    bea = add_client(first_name="Bea")
    desk = Desk(browser_of(fay))

    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        Client.objects.for_edit(lotus).get(pk=ana.pk)
        answer = threads.submit(alone, lambda: desk.edit(bea, last_name="Silva"))
        saved = answer.result(timeout=10)

    assert saved.status_code == 302


def test_a_form_that_is_sent_twice_at_once_adds_one_client(lotus: Studio, fay: User) -> None:
    desks = [Desk(browser_of(fay)) for _ in range(4)]
    typed = {"first_name": "Ana", "form_key": str(uuid4())}

    answers: list[Any] = at_once(*[lambda desk=desk: desk.add(**typed) for desk in desks])

    assert [answer.status_code for answer in answers] == [302] * 4
    assert len({answer["Location"] for answer in answers}) == 1
    assert Client.objects.count() == 1


def test_a_form_gone_back_to_adds_somebody_else(fays_desk: Desk) -> None:
    key = str(uuid4())
    fays_desk.add(first_name="Ana", form_key=key)
    fays_desk.add(first_name="Bo", form_key=key)

    assert sorted(Client.objects.values_list("first_name", flat=True)) == ["Ana", "Bo"]


def test_a_form_key_of_another_studio_tells_and_changes_nothing(
    fays_desk: Desk, add_client: AddClient, stans: Studio
) -> None:
    theirs = add_client(stans, first_name="Ana")

    answer = fays_desk.add(first_name="Ana", form_key=str(theirs.public_id))

    assert str(theirs.public_id) not in answer["Location"]
    assert Client.objects.count() == 2

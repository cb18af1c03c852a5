"""The welcome email: who gets it, once, and what it carries."""

from collections.abc import Sequence
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.core.mail.message import sanitize_address
from django.test import Client as Browser
from django.utils import timezone

from clients import consent
from clients.emails import welcomes
from clients.models import Client, ConsentSource, Welcome
from clients.tasks import send_welcomes
from studios.models import Studio, User
from tests.clients.conftest import AddClient, Desk
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db


def recipients() -> Sequence[str]:
    return sorted(address for message in mail.outbox for address in message.to)


def sent() -> Message:
    [message] = mail.outbox
    return message.message()


def sent_parts() -> Sequence[str]:
    """As text and as HTML."""
    parts: Any = sent().get_payload()
    return [part.get_payload(decode=True).decode() for part in parts]


def test_a_client_added_with_consent_is_welcomed_once(olive: User, ana: Client) -> None:
    send_welcomes()
    send_welcomes()

    assert recipients() == ["Ana@Example.com"]


def test_who_has_not_agreed_or_has_no_address_gets_nothing(
    olive: User, add_client: AddClient
) -> None:
    add_client(email="bea@example.com")
    add_client(first_name="Cem", email_opt_in=True)

    send_welcomes()

    assert recipients() == []


def test_agreeing_later_is_no_reason_for_a_welcome(
    olive: User, fays_desk: Desk, add_client: AddClient
) -> None:
    bea = add_client(email="bea@example.com")
    fays_desk.edit(bea, email_opt_in="on")

    send_welcomes()

    assert recipients() == []


def test_nobody_is_welcomed_before_an_owner_proved_an_address(olive: User, ana: Client) -> None:
    EmailAddress.objects.update(verified=False)
    send_welcomes()
    assert recipients() == []

    EmailAddress.objects.filter(user=olive).update(verified=True)
    send_welcomes()
    assert recipients() == ["Ana@Example.com"]


def test_who_opted_out_meanwhile_gets_nothing(olive: User, ana: Client) -> None:
    consent.withdraw(ana, source=ConsentSource.FOOTER)

    send_welcomes()

    assert recipients() == []


def test_an_opt_out_outside_of_consent_counts_as_well(olive: User, ana: Client) -> None:
    Client.objects.filter(pk=ana.pk).update(email_opt_in=False)

    send_welcomes()

    assert recipients() == []


def test_an_opt_out_between_the_look_and_the_claim_counts(ana: Client, lotus: Studio) -> None:
    Client.objects.filter(pk=ana.pk).update(email_opt_in=False)

    assert welcomes.claim(lotus) is None


def test_a_studio_writes_so_many_a_day_and_the_rest_the_next(
    olive: User, add_client: AddClient, settings: Any
) -> None:
    settings.WELCOME_EMAILS_PER_STUDIO_AND_DAY = 2
    for name in "abc":
        add_client(email=f"{name}@example.com", email_opt_in=True)

    send_welcomes()
    send_welcomes()
    assert recipients() == ["a@example.com", "b@example.com"]

    Welcome.objects.update(at=timezone.now() - timedelta(hours=25))
    send_welcomes()
    assert recipients() == ["a@example.com", "b@example.com", "c@example.com"]


def test_deleting_who_was_welcomed_gives_no_more_to_send(
    olive: User, add_client: AddClient, settings: Any
) -> None:
    settings.WELCOME_EMAILS_PER_STUDIO_AND_DAY = 1
    for name in "ab":
        client = add_client(email=f"{name}@example.com", email_opt_in=True)
        send_welcomes()
        client.delete()

    assert recipients() == ["a@example.com"]


def test_it_carries_who_writes_and_how_to_stop_it(
    olive: User, ana: Client, lotus: Studio, settings: Any
) -> None:
    settings.BASE_URL = "https://junocal.test"
    lotus.postal_address = "Lotusweg 1, Berlin"
    lotus.save()

    send_welcomes()

    link = f"https://junocal.test/unsubscribe/{ana.unsubscribe_token}/"
    message = sent()
    assert message["Subject"] == "Welcome to Lotus Yoga"
    assert message["From"] == "Lotus Yoga <hello@junocal.test>"
    assert message["List-Unsubscribe"] == f"<{link}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for text in sent_parts():
        assert all(words in text for words in ("Lotus Yoga", "Lotusweg 1, Berlin", link))


def test_its_one_click_address_opts_out(olive: User, ana: Client) -> None:
    send_welcomes()
    link = str(sent()["List-Unsubscribe"]).strip("<>").removeprefix("http://testserver")

    Browser(enforce_csrf_checks=True).post(link, {"List-Unsubscribe": "One-Click"})

    ana.refresh_from_db()
    assert ana.consent_source == ConsentSource.ONE_CLICK


def test_what_people_typed_makes_no_header_and_no_markup(
    olive: User, add_client: AddClient, lotus: Studio
) -> None:
    lotus.name = "Lotus\r\nBcc: stan@example.com\n<b>Yoga</b>"
    lotus.save()
    add_client(first_name="<i>Ana</i>", email="ana@example.com", email_opt_in=True)

    send_welcomes()

    message = sent()
    html = sent_parts()[1]
    assert message["Bcc"] is None
    assert recipients() == ["ana@example.com"]
    assert "<i>" not in html
    assert "<b>" not in html
    assert "<i>Ana</i>" in mail.outbox[0].body


def test_no_studio_writes_without_its_postal_address(
    olive: User, ana: Client, lotus: Studio
) -> None:
    Studio.objects.update(postal_address="")
    send_welcomes()
    assert recipients() == []

    Studio.objects.update(postal_address="Lotusweg 8, Berlin")
    send_welcomes()
    assert recipients() == ["Ana@Example.com"]


def test_nobody_is_welcomed_after_a_week(olive: User, ana: Client) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        send_welcomes()

    assert recipients() == []


def test_answers_go_to_the_studios_owner(olive: User, ana: Client) -> None:
    send_welcomes()

    assert sent()["Reply-To"] == "olive@studio.test"


@pytest.mark.parametrize("name", ["=?utf-8?q?Lotus=0AYoga?=", "=?utf-8?q?=FF?="])
def test_a_name_that_no_email_can_carry_keeps_nobody_else_waiting(
    olive: User,
    ana: Client,
    lotus: Studio,
    stan: User,
    stans: Studio,
    add_client: AddClient,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    lotus.name = name
    lotus.save()
    add_client(stans, email="bea@example.com", email_opt_in=True)
    send_messages = EmailBackend.send_messages

    def send(backend: EmailBackend, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            sanitize_address(message.from_email, "utf-8")  # as SMTP does
        return send_messages(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)

    send_welcomes()

    assert recipients() == ["bea@example.com"]


def test_a_welcome_tells_nobody_outside(
    olive: User, ana: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as notified:
        send_welcomes()

    assert notified == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_welcome_once_and_no_more_than_a_days_share(
    olive: User, add_client: AddClient, settings: Any
) -> None:
    settings.WELCOME_EMAILS_PER_STUDIO_AND_DAY = 15
    for number in range(20):
        add_client(email=f"c{number}@example.com", email_opt_in=True)

    def work() -> None:
        for _ in range(5):
            welcomes.send_due()

    assert at_once(work, work, work, work) == [None] * 4

    assert len(recipients()) == 15
    assert len(set(recipients())) == 15

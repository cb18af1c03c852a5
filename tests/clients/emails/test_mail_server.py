"""What a mail server may answer to a welcome, and what becomes of it."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from clients import consent
from clients.models import Client, ConsentSource, Welcome
from clients.tasks import send_welcomes
from studios.models import User
from tests.clients.conftest import AddClient

pytestmark = pytest.mark.django_db


def recipients() -> Sequence[str]:
    return sorted(address for message in mail.outbox for address in message.to)


def test_a_mail_server_that_is_down_costs_no_welcome(
    olive: User, ana: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as down:
        down.setattr(EmailBackend, "open", refuse)
        send_welcomes()
    assert recipients() == []

    send_welcomes()
    assert recipients() == ["Ana@Example.com"]
    assert "ana@example.com" not in caplog.text.lower()


def test_a_mail_server_that_breaks_gets_no_email_twice(
    olive: User, ana: Client, add_client: AddClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_client(email="bea@example.com", email_opt_in=True)

    def break_off(*_: Any) -> None:
        raise SMTPServerDisconnected

    with monkeypatch.context() as breaking:
        breaking.setattr(EmailBackend, "send_messages", break_off)
        send_welcomes()
    send_welcomes()
    send_welcomes()

    assert recipients() == ["bea@example.com"]


def answers(*errors: Exception | None) -> Callable[[EmailBackend, Any], int]:
    """A mail server that gives these answers, one an email."""
    left = iter(errors)
    send = EmailBackend.send_messages

    def send_messages(backend: EmailBackend, messages: Any) -> int:
        if error := next(left, None):
            raise error
        return send(backend, messages)

    return send_messages


LATER = SMTPRecipientsRefused({"ana@example.com": (451, b"greylisted")})
NEVER = SMTPRecipientsRefused({"ana@example.com": (550, b"no such user")})


@pytest.mark.parametrize(
    "later", [LATER, SMTPDataError(452, b"full"), SMTPSenderRefused(450, b"", "")]
)
def test_a_mail_server_that_says_later_gets_it_later_and_once(
    olive: User,
    ana: Client,
    add_client: AddClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    later: Exception,
) -> None:
    add_client(email="bea@example.com", email_opt_in=True)
    monkeypatch.setattr(EmailBackend, "send_messages", answers(later))

    send_welcomes()
    send_welcomes()
    assert recipients() == ["bea@example.com"]
    assert Welcome.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        send_welcomes()
        send_welcomes()

    assert recipients() == ["Ana@Example.com", "bea@example.com"]
    assert "ana@example.com" not in caplog.text.lower()


def test_a_no_of_the_mail_server_is_final_and_holds_nobody_up(
    olive: User, ana: Client, add_client: AddClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_client(email="bea@example.com", email_opt_in=True)
    monkeypatch.setattr(EmailBackend, "send_messages", answers(NEVER))

    send_welcomes()
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        send_welcomes()

    assert recipients() == ["bea@example.com"]


def test_who_opts_out_while_the_server_says_later_gets_nothing(
    olive: User, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmailBackend, "send_messages", answers(LATER))
    send_welcomes()
    ana.refresh_from_db()
    consent.withdraw(ana, source=ConsentSource.STAFF)

    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        send_welcomes()

    assert recipients() == []

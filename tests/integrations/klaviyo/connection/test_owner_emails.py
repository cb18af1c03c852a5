"""The one email to the owners when Klaviyo ended the connection."""

from collections.abc import Callable
from datetime import UTC, datetime
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail
from django.utils import timezone

from integrations.klaviyo.connection import owner_emails
from integrations.klaviyo.models import EndCause, EndedConnection
from integrations.klaviyo.worker import maintenance
from studios.models import Role, Studio, User
from tests.support.cast import make_member
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db

End = Callable[..., EndedConnection]


@pytest.fixture
def end(lotus: Studio, olive: User) -> End:
    """Lotus's connection has ended."""

    def end(cause: EndCause = EndCause.UNINSTALLED) -> EndedConnection:
        return EndedConnection.objects.create(studio=lotus, cause=cause, at=timezone.now())

    return end


def test_every_owner_is_told_and_nobody_else(
    end: End, lotus: Studio, olive: User, fay: User, stan: User
) -> None:
    other = make_member(lotus, Role.OWNER, "Oscar Okafor")
    end()

    assert owner_emails.tell_owners(lotus)

    (message,) = mail.outbox
    assert set(message.to) == {olive.email, other.email}


@pytest.mark.parametrize("cause", [cause for cause in EndCause if not cause.is_ours])
def test_the_mail_says_why_and_where_to_reconnect(cause: EndCause, end: End, lotus: Studio) -> None:
    end(cause)

    owner_emails.tell_owners(lotus)

    (message,) = mail.outbox
    assert message.subject == "Lotus Yoga: Klaviyo is no longer connected"
    assert cause.label in message.body
    assert f"http://testserver/s/{lotus.slug}/settings/integrations/" in message.body


def test_the_mail_tells_the_studios_own_time(end: End, lotus: Studio) -> None:
    ended = end()
    EndedConnection.objects.filter(pk=ended.pk).update(at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))

    owner_emails.tell_owners(lotus)

    assert "2 July 2026, 00:30" in mail.outbox[0].body  # Berlin is two hours ahead in summer


def test_an_interrupted_renewal_is_never_called_a_revocation(end: End, lotus: Studio) -> None:
    end(EndCause.RENEWAL_INTERRUPTED)

    owner_emails.tell_owners(lotus)

    text = mail.outbox[0].body.lower()
    assert not any(word in text for word in ("revoked", "uninstalled", "stopped accepting"))


def test_owners_who_disconnected_themselves_are_not_told(end: End, lotus: Studio) -> None:
    end(EndCause.OWNER)

    assert not owner_emails.tell_owners(lotus)

    assert mail.outbox == []


def test_where_nothing_ended_there_is_nothing_to_tell(lotus: Studio) -> None:
    assert not owner_emails.tell_owners(lotus)


def test_owners_are_told_once(end: End, lotus: Studio) -> None:
    end()

    assert owner_emails.tell_owners(lotus)
    assert not owner_emails.tell_owners(lotus)
    maintenance.heartbeat()

    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_workers_that_come_to_the_end_together_send_one_mail(end: End, lotus: Studio) -> None:
    end()

    told = at_once(*[lambda: owner_emails.tell_owners(lotus)] * 8)

    assert sorted(map(bool, told)) == [False] * 7 + [True]
    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_away_is_tried_again_by_the_heartbeat(
    end: End, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    end()

    def fail(**_: object) -> None:
        raise SMTPServerDisconnected

    with monkeypatch.context() as patch:
        patch.setattr(owner_emails, "send_mail", fail)
        assert not owner_emails.tell_owners(lotus)

    maintenance.heartbeat()

    assert len(mail.outbox) == 1

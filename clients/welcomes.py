"""Who is welcomed by email, and when: once, and never somebody who said no in the meantime.

Only a studio with a proved owner writes, and only so many a day, so that signing up is no spam
relay. An email can't be called back: it is marked as sent first, so one may be lost with a
breaking mail server, but none is sent twice.
"""

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from clients import emails
from clients.models import Client, Welcome
from studios.models import Studio
from studios.team import owner_is_verified

MOST_IN_A_RUN = 50  # of one studio; then it is the next one's turn
DAY = timedelta(days=1)

logger = logging.getLogger(__name__)


def send_due() -> None:
    for studio in Studio.objects.filter(pk__in=Client.objects.due_for_welcome().values("studio")):
        if owner_is_verified(studio):
            send_for(studio)


def send_for(studio: Studio) -> None:
    """Stop at the first trouble: the next run opens a new connection and goes on.

    `ValueError` is Django's for a name or an address, typed as it may be, that no email can carry:
    no other studio waits for that.
    """
    sent = None
    try:
        with get_connection() as mail:  # first of all: a mail server that is down loses no email
            for _ in range(MOST_IN_A_RUN):
                sent = claim(studio)
                if sent is None:
                    return
                send(sent, mail)
    except (OSError, SMTPException, ValueError):
        client_id = sent.pk if sent else None
        logger.exception("welcome not sent", extra={"studio_id": studio.pk, "client_id": client_id})


@transaction.atomic
def claim(studio: Studio) -> Client | None:
    """A client to write to at once, marked as written to; nobody else gets the same one."""
    if not (is_mine(studio) and sent_in_a_day(studio) < settings.WELCOME_EMAILS_PER_STUDIO_AND_DAY):
        return None
    due = Client.objects.for_studio(studio).due_for_welcome().order_by("welcome_due_at")
    client = due.select_for_update(of=("self",), skip_locked=True).first()
    if client:
        # `update` tells nobody: that an email went out is nothing to push.
        Client.objects.for_studio(studio).filter(pk=client.pk).update(welcome_due_at=None)
        Welcome.objects.create(studio=studio)
    return client


def is_mine(studio: Studio) -> bool:
    """Whether no other worker claims for this studio just now, which would exceed its share.

    `FOR NO KEY UPDATE` stands in the way of no edit of a client.
    """
    rows = Studio.objects.select_for_update(no_key=True, skip_locked=True)
    return rows.filter(pk=studio.pk).first() is not None


def sent_in_a_day(studio: Studio) -> int:
    """How many went out in the last 24 hours; older ones are forgotten on the way."""
    sent = Welcome.objects.for_studio(studio)
    sent.filter(at__lte=timezone.now() - DAY).delete()
    return sent.count()


def send(client: Client, mail: BaseEmailBackend) -> None:
    message = emails.welcome(client)
    message.connection = mail
    message.send()

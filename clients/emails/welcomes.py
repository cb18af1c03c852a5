"""Who is welcomed by email, and when: once, and never somebody who said no in the meantime.

Only a studio with a postal address and a verified owner writes, and only so many a day, so that
signing up is no spam relay. An email can't be called back: it is marked as sent first, so that none
is sent twice. A mail server that says "later" gets it later; one may be lost only where it breaks
off without an answer.
"""

import logging
from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone

from clients import consent
from clients.emails import messages
from clients.models import Client, SentAddress, Welcome
from studios import quotas
from studios.models import Studio
from studios.team import owner_is_verified

MOST_IN_A_RUN = 50  # of one studio, so that the others need not wait for all of its emails
TRIED_AGAIN_AFTER = timedelta(minutes=5)  # where the mail server said "later": greylisting, mostly
TEMPORARY = range(400, 500)
CLOSING = 421
NO_ANSWER = 0

logger = logging.getLogger(__name__)


def send_due() -> None:
    due = Studio.objects.filter(pk__in=Client.objects.due_for_welcome().values("studio"))
    for studio in due.exclude(postal_address=""):
        if owner_is_verified(studio):
            send_for(studio)


def send_for(studio: Studio) -> None:
    """Send up to `MOST_IN_A_RUN` welcomes of this studio, to whom the mail server takes them for.

    It stops where the server gives no answer; the next run opens a new connection and goes on.
    `ValueError` is Django's for a name or an address, typed as it may be, that no email can carry:
    no other studio waits for that.
    """
    try:
        with get_connection() as mail:  # first of all: a mail server that is down loses no email
            for _ in range(MOST_IN_A_RUN):
                client = claim(studio)
                if client is None or not is_answered(client, mail):
                    return
    except OSError as error:  # those of smtplib are of that kind
        tell_failure(studio.pk, None, error)


def is_answered(client: Client, mail: BaseEmailBackend) -> bool:
    """Send it. False if nobody knows what became of it, or the server wants no more for now."""
    try:
        send(client, mail)
    except (OSError, ValueError) as error:
        tell_failure(client.studio_id, client.pk, error)
        code = answer_code(error)
        if code in TEMPORARY:
            give_back(client)
        return code not in (NO_ANSWER, CLOSING)
    return True


def answer_code(error: Exception) -> int:
    """What the mail server answered (RFC 5321, section 4.2); `NO_ANSWER` if it didn't."""
    if isinstance(error, SMTPResponseException):
        return error.smtp_code
    if isinstance(error, SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=NO_ANSWER)
    return NO_ANSWER


def give_back(client: Client) -> None:
    """It was not sent, and is due again in a while; nor does it count for the day."""
    later = timezone.now() + TRIED_AGAIN_AFTER
    with transaction.atomic():
        mine = Client.objects.for_studio(client.studio).filter(pk=client.pk)
        mine.update(welcome_due_at=later)
        sent = Welcome.objects.for_studio(client.studio).order_by("-at").values("pk")[:1]
        Welcome.objects.for_studio(client.studio).filter(pk__in=sent).delete()


def tell_failure(studio_id: int, client_id: int | None, error: Exception) -> None:
    """Without the error's own words: they hold the address."""
    logger.error(
        "welcome not sent: %s %s",
        type(error).__name__,
        answer_code(error) or "",
        extra={"studio_id": studio_id, "client_id": client_id},
    )


@transaction.atomic
def claim(studio: Studio) -> Client | None:
    """The next client to welcome, counted as welcomed already; no other worker gets the same one.

    Where it goes is recorded before it goes: a withdrawal covers the address from then on.
    None if nobody is due, the day's quota is used up, or another worker claims for this studio.
    """
    if not (try_lock(studio) and may_send_another(studio)):
        return None
    client = next_due(studio)
    while client and consent.uphold(client):
        client = next_due(studio)
    if client:
        # `update` tells nobody: that an email went out is nothing to push.
        Client.objects.for_studio(studio).filter(pk=client.pk).update(welcome_due_at=None)
        SentAddress.record(client, client.email)
        Welcome.objects.create(studio=studio)
    return client


def next_due(studio: Studio) -> Client | None:
    """The one who waits longest, locked."""
    due = Client.objects.for_studio(studio).due_for_welcome().order_by("welcome_due_at")
    return due.select_for_update(of=("self",), skip_locked=True).first()


def try_lock(studio: Studio) -> bool:
    """True if the studio is locked now; False if another worker has it: two would exceed the quota.

    `FOR NO KEY UPDATE` blocks no edit of a client.
    """
    rows = Studio.objects.select_for_update(no_key=True, skip_locked=True)
    return rows.filter(pk=studio.pk).first() is not None


def may_send_another(studio: Studio) -> bool:
    """True if the day's quota is not used up; deletes the rows that no longer count."""
    sent = Welcome.objects.for_studio(studio)
    sent.filter(at__lte=quotas.day_ago()).delete()
    limit = settings.WELCOME_EMAILS_PER_STUDIO_AND_DAY
    return quotas.allows_another(sent, limit, made_at="at")


def send(client: Client, mail: BaseEmailBackend) -> None:
    message = messages.welcome(client)
    message.connection = mail
    message.send()

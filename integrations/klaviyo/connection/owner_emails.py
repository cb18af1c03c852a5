"""Emails to the owners: when Klaviyo ended the connection, when it has been in trouble for long,
and when that is over.

Each is noted before it is sent, so that two workers don't both send it, and the note is taken back
where no mail could be sent: a later look tries again.
"""

import logging
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from integrations.klaviyo.connection.hindrances import Hindrance
from integrations.klaviyo.models import Connection, EndedConnection
from integrations.klaviyo.models.connection import UNTROUBLED
from studios.models import Studio
from studios.team import owners_of

logger = logging.getLogger(__name__)


def tell_owners(studio: Studio) -> bool:
    """Email the owners that they must reconnect, once. False if there is nothing to tell."""
    pending = EndedConnection.objects.for_studio(studio).filter(owners_told_at=None)
    ended = pending.first()
    if ended is None or not ended.asks_to_reconnect:
        return False
    if not pending.update(owners_told_at=Now()):
        return False
    subject = f"{studio.name}: Klaviyo is no longer connected"
    if send(studio, subject, "reconnect", ended=ended):
        return True
    EndedConnection.objects.filter(pk=ended.pk).update(owners_told_at=None)
    return False


def tell_of_trouble(connection: Connection, hindrance: Hindrance) -> bool:
    """Email the owners what keeps their changes from Klaviyo, once. False if they know already."""
    studio = connection.studio
    same = Connection.objects.for_studio(studio).live().filter(pk=connection.pk)
    if not same.filter(trouble_told_at=None).update(trouble_told_at=Now()):
        return False
    subject = f"{studio.name}: changes don't reach Klaviyo at the moment"
    if send(studio, subject, "trouble", connection=connection, hindrance=hindrance):
        return True
    same.update(trouble_told_at=None)
    return False


def tell_of_recovery(connection: Connection) -> bool:
    """Email the owners that the trouble they were told of is over, once."""
    studio = connection.studio
    same = Connection.objects.for_studio(studio).live().filter(pk=connection.pk)
    if not same.exclude(trouble_told_at=None).update(**UNTROUBLED):
        return False
    subject = f"{studio.name}: Klaviyo works again"
    if send(studio, subject, "recovery", connection=connection):
        return True
    same.update(**{name: getattr(connection, name) for name in UNTROUBLED})
    return False


def send(studio: Studio, subject: str, template: str, **context: Any) -> bool:
    """One mail to all owners: it is sent as a whole or not at all. False if it wasn't."""
    url = settings.BASE_URL + reverse("integrations:settings", args=[studio.slug])
    with timezone.override(studio.zone):
        message = render_to_string(
            f"klaviyo/emails/{template}.txt", {"studio": studio, "url": url, **context}
        )
    owners = [owner.email for owner in owners_of(studio)]
    try:
        send_mail(subject=subject, message=message, from_email=None, recipient_list=owners)
    except (OSError, ValueError):  # smtplib's are among them, and addresses it can't write
        logger.exception("owners can't be told", extra={"studio": studio.pk})
        return False
    logger.info("owners told: %s", template, extra={"studio": studio.pk})
    return True

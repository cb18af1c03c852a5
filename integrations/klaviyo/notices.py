"""One email to the owners when Klaviyo ended the connection."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from integrations.klaviyo.models import EndedConnection
from studios.models import Studio
from studios.team import owners_of

logger = logging.getLogger(__name__)


def tell_owners(studio: Studio) -> bool:
    """Email the owners that they must reconnect, once; False where there is nothing to tell.

    Noted before it is sent, so that two workers don't both send it, and taken back where no mail
    could be sent: the heartbeat tries again.
    """
    untold = EndedConnection.objects.for_studio(studio).filter(owners_told_at=None)
    ended = untold.first()
    if ended is None or not ended.asks_to_reconnect:
        return False
    if not untold.update(owners_told_at=Now()):
        return False
    try:
        _send(studio, ended)
    except (OSError, ValueError):  # smtplib's are among them, and addresses it can't write
        logger.exception("owners can't be told", extra={"studio": studio.pk})
        EndedConnection.objects.filter(pk=ended.pk).update(owners_told_at=None)
        return False
    return True


def _send(studio: Studio, ended: EndedConnection) -> None:
    """One mail to all of them: it is sent as a whole or not at all."""
    url = settings.BASE_URL + reverse("klaviyo:card", args=[studio.slug])
    context = {"studio": studio, "ended": ended, "url": url}
    with timezone.override(studio.zone):
        message = render_to_string("klaviyo/emails/reconnect.txt", context)
    send_mail(
        subject=f"{studio.name}: Klaviyo is no longer connected",
        message=message,
        from_email=None,
        recipient_list=[owner.email for owner in owners_of(studio)],
    )
    logger.info("owners told to reconnect", extra={"studio": studio.pk})

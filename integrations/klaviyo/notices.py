"""One email to the owners when Klaviyo ended the connection."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse

from integrations.klaviyo.models import EndedConnection
from studios.models import Membership, Role, Studio

logger = logging.getLogger(__name__)


def tell_owners(studio: Studio) -> bool:
    """Email the owners that they must reconnect, once: noted before it is sent, so never twice."""
    untold = EndedConnection.objects.for_studio(studio).filter(owners_told_at=None)
    ended = untold.first()
    if ended is None or not ended.asks_to_reconnect:
        return False
    if not untold.update(owners_told_at=Now()):
        return False
    _send(studio, ended)
    return True


def _send(studio: Studio, ended: EndedConnection) -> None:
    url = settings.BASE_URL + reverse("klaviyo:card", args=[studio.slug])
    context = {"studio": studio, "ended": ended, "url": url}
    owners = Membership.objects.for_studio(studio).filter(role=Role.OWNER).select_related("user")
    for owner in owners:
        send_mail(
            subject=f"{studio.name}: Klaviyo is no longer connected",
            message=render_to_string("klaviyo/emails/reconnect.txt", context),
            from_email=None,
            recipient_list=[owner.user.email],
        )
    logger.info("owners told to reconnect", extra={"studio": studio.pk})

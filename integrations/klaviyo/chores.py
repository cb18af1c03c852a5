"""What must be done now and then: reconcile, heartbeat, tidy."""

import logging
from datetime import timedelta

from django.core.management import call_command
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo import notices, trial
from integrations.klaviyo.digests import digest
from integrations.klaviyo.models import (
    Connection,
    EndedConnection,
    OAuthAttempt,
    SyncEvent,
    WebhookReceipt,
)
from integrations.klaviyo.outbox import mark
from integrations.klaviyo.rings import ring
from studios.tenancy import hold

logger = logging.getLogger(__name__)

QUIET_AT_MOST = timedelta(hours=20)  # so that a daily look is never missed by a late beat
CHUNK_ROWS = 500
ATTEMPTS_KEPT = timedelta(days=1)
RECEIPTS_KEPT = timedelta(days=90)
EVENTS_KEPT = timedelta(days=90)


def reconcile() -> int:
    """Mark every client whose row is missing or tells of another state: whatever was written past
    the signals is healed. How many."""
    seeded = Connection.objects.live().filter(phase=Connection.Phase.SEEDED)
    return sum(_reconcile(connection) for connection in seeded)


def _reconcile(connection: Connection) -> int:
    marked = 0
    while strays := _mark_strays(connection):
        marked += strays
    if marked:
        logger.warning("reconcile marked %s clients", marked, extra={"connection": connection.pk})
        ring(connection.studio_id)
    return marked


@transaction.atomic
def _mark_strays(connection: Connection) -> int:
    hold(connection.studio_id)
    clients = Client.objects.for_studio(connection.studio)
    settled = Q(klaviyo_sync__wanted=F("klaviyo_sync__done"))
    strays = clients.filter(Q(klaviyo_sync=None) | settled & ~Q(klaviyo_sync__digest=digest()))
    pks = list(strays.order_by("pk").values_list("pk", flat=True)[:CHUNK_ROWS])
    return len(pks) if pks and mark(pks) else 0


def heartbeat() -> int:
    """Have every connection tried that has been quiet for most of a day; how many.

    Klaviyo documents no word of an uninstall (contract, section 2): a refresh tells, and keeps the
    grant from running out unused.
    """
    long_ago = Now() - QUIET_AT_MOST
    seen = Q(refreshed_at__gt=long_ago) | Q(refreshed_at=None, connected_at__gt=long_ago)
    quiet = list(Connection.objects.live().exclude(seen))
    for connection in quiet:
        trial.ask_for(connection)
    for ended in EndedConnection.objects.filter(owners_told_at=None).select_related("studio"):
        notices.tell_owners(ended.studio)
    return len(quiet)


def tidy() -> None:
    """Forget what is spent."""
    OAuthAttempt.objects.filter(created_at__lt=Now() - ATTEMPTS_KEPT).delete()
    WebhookReceipt.objects.filter(received_at__lt=Now() - RECEIPTS_KEPT).delete()
    SyncEvent.objects.filter(at__lt=Now() - EVENTS_KEPT).delete()
    call_command("clearsessions")

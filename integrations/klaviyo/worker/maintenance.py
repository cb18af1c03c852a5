"""What must happen now and then besides the reconcile: heartbeat and purge."""

from datetime import timedelta

from django.core.management import call_command
from django.db.models import Q
from django.db.models.functions import Now

from integrations.klaviyo.connection import health_check, owner_emails
from integrations.klaviyo.models import (
    Connection,
    EndedConnection,
    OAuthAttempt,
    SyncEvent,
    WebhookReceipt,
    Worker,
)

QUIET_AT_MOST = timedelta(hours=20)  # so that a daily look is never missed by a late one
ATTEMPTS_KEPT = timedelta(days=1)
RECEIPTS_KEPT = timedelta(days=90)
EVENTS_KEPT = timedelta(days=90)
WORKERS_KEPT = timedelta(hours=1)  # that were killed: people may look when one was last seen


def heartbeat() -> int:
    """Request a health check of every connection that was quiet for most of a day.

    The number of connections.

    Klaviyo documents no word of an uninstall (contract, section 2): a refresh tells, and keeps the
    grant from running out unused.
    """
    long_ago = Now() - QUIET_AT_MOST
    seen = Q(refreshed_at__gt=long_ago) | Q(refreshed_at=None, connected_at__gt=long_ago)
    quiet = list(Connection.objects.live().exclude(seen))
    for connection in quiet:
        health_check.request(connection)
    for ended in EndedConnection.objects.filter(owners_told_at=None).select_related("studio"):
        owner_emails.tell_owners(ended.studio)
    return len(quiet)


def purge_expired() -> None:
    """Delete what is kept no longer: attempts, receipts, events, dead workers, sessions."""
    OAuthAttempt.objects.filter(created_at__lt=Now() - ATTEMPTS_KEPT).delete()
    WebhookReceipt.objects.filter(received_at__lt=Now() - RECEIPTS_KEPT).delete()
    SyncEvent.objects.filter(at__lt=Now() - EVENTS_KEPT).delete()
    Worker.objects.filter(seen_at__lt=Now() - WORKERS_KEPT).delete()
    call_command("clearsessions")

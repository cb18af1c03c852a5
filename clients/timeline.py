"""A client's history for their page: what happened here, and what integrations add to it.

The kinds of events are `models.event.ClientEvent.What`; what integrations add comes through
`extensions`.
"""

from collections.abc import Sequence

from django.db.models import QuerySet

from clients import extensions
from clients.extensions import TimelineEntry
from clients.models import Client, ClientEvent

NEWEST = 100
ABOUT_CONSENT = (ClientEvent.What.AGREED, ClientEvent.What.WITHDREW)


def entries(client: Client) -> Sequence[TimelineEntry]:
    """The client's whole history, the newest first, at most `NEWEST` entries."""
    ours = entries_of(client.events.all())
    theirs = [entry for service in extensions.registered() for entry in service.timeline(client)]
    return sorted([*ours, *theirs], key=lambda entry: entry.at, reverse=True)[:NEWEST]


def consent_history(client: Client) -> Sequence[TimelineEntry]:
    """When the client agreed and opted out, the newest first."""
    return entries_of(client.events.filter(what__in=ABOUT_CONSENT))


def entries_of(events: QuerySet[ClientEvent]) -> Sequence[TimelineEntry]:
    newest = events.select_related("by").order_by("-at", "-pk")[:NEWEST]
    return [TimelineEntry(event.at, event.text) for event in newest]

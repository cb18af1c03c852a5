"""A client's history as told on their page: what happened here and what was told outside."""

from collections.abc import Sequence

from django.db.models import QuerySet

from clients import outside
from clients.models import Client, ClientEvent
from clients.outside import Told

NEWEST = 100
ABOUT_CONSENT = (ClientEvent.What.AGREED, ClientEvent.What.WITHDREW)


def timeline(client: Client) -> Sequence[Told]:
    """The newest first, at most `NEWEST`."""
    elsewhere = [told for service in outside.registered() for told in service.timeline(client)]
    told = [*told_by(client.events.all()), *elsewhere]
    return sorted(told, key=lambda told: told.at, reverse=True)[:NEWEST]


def consent_history(client: Client) -> Sequence[Told]:
    return told_by(client.events.filter(what__in=ABOUT_CONSENT))


def told_by(events: QuerySet[ClientEvent]) -> Sequence[Told]:
    newest = events.select_related("by").order_by("-at", "-pk")[:NEWEST]
    return [Told(event.at, event.text) for event in newest]

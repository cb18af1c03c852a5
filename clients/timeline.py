"""A client's history for their page: what happened here, and what integrations add to it.

The kinds of events are `models.event.ClientEvent.What`; what integrations add comes through
`extensions`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from django.db.models import QuerySet

from clients import extensions
from clients.extensions import TimelineEntry
from clients.models import Client, ClientEvent

NEWEST = 100
MINUTE_S = 60
HOUR_S = 3600
ANSWERED_WITHIN = timedelta(days=1)


def entries(client: Client) -> Sequence[TimelineEntry]:
    """The client's whole history, the newest first, at most `NEWEST` entries.

    What a service heard of a change stands in the change's own line, with how soon after.
    """
    ours = entries_of(client.events.all())
    theirs = [entry for service in extensions.registered() for entry in service.timeline(client)]
    in_order = sorted([*ours, *theirs], key=lambda entry: entry.at)
    return heard_in_one_line(in_order)[::-1][:NEWEST]


def entries_of(events: QuerySet[ClientEvent]) -> Sequence[TimelineEntry]:
    newest = events.select_related("by", "client__studio").order_by("-at", "-pk")[:NEWEST]
    return [TimelineEntry(event.at, event.text) for event in reversed(newest)]


def heard_in_one_line(entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
    """Each of ours with who heard of it first after; what was heard has no line of its own then."""
    told: list[TimelineEntry] = []
    for entry in entries:
        unheard = [place for place, one in enumerate(told) if is_answered(one, entry)]
        for place in unheard:
            delay = soon_after(entry.at - told[place].at)
            told[place] = replace(told[place], heard=f"{entry.text} {delay}")
        if not unheard:
            told.append(entry)
    return told


def is_answered(entry: TimelineEntry, by: TimelineEntry) -> bool:
    """True if `by` is the first answer to this one. What comes a day later has another cause."""
    is_open = not entry.answers and not entry.heard
    return is_open and by.answers and by.at - entry.at < ANSWERED_WITHIN


def soon_after(delay: timedelta) -> str:
    """As in "2 s later", "3 min later" or "5 h later"."""
    seconds = delay.total_seconds()
    if seconds < MINUTE_S:
        return f"{max(seconds, 0):.0f} s later"
    if seconds < HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min later"
    return f"{seconds / HOUR_S:.0f} h later"

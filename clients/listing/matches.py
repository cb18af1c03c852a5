"""Which clients were asked for, and how many they are.

What is searched for is found by its letters first, if there aren't too many, and put in order then:
the planner, which can't guess how many match, would now and then walk through a million names in
their order to find nobody. What nearly everybody matches is found soonest by walking.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from clients import extensions
from clients.listing import counts
from clients.listing.asked import Asked
from clients.listing.keyset import ORDERS
from clients.listing.tally import Consent, Tally
from clients.models import Client, ClientQuerySet
from studios.models import Studio

MOST_SORTED = 30_000  # found clients; 15 ms for every 10,000
MOST_TALLIED = 5_000  # by all filters: each is looked up with the integrations too

NARROW = {
    Consent.AGREED: ClientQuerySet.opted_in,
    Consent.NOT_AGREED: ClientQuerySet.never_agreed,
    Consent.OPTED_OUT: ClientQuerySet.opted_out,
}


@dataclass(frozen=True)
class Matches:
    clients: ClientQuerySet
    total: int
    is_more: bool = False  # than the total
    tally: Tally | None = None  # of all that the search finds; none where they are too many
    counted_at: datetime | None = None  # where that isn't now
    is_sorted_anew: bool = False


def of(studio: Studio, asked: Asked) -> Matches:
    if not asked.search:
        known = counts.of(studio)
        clients = narrowed(Client.objects.for_studio(studio), studio, asked)
        total = known.tally.count(asked.chosen)
        return Matches(clients, total, tally=known.tally, counted_at=known.counted_at)
    found = Client.objects.for_studio(studio).found_by(asked.search, studio.country)
    with planned(seqscan=False):
        return searched(found, studio, asked)


def following(client: Client, asked: Asked) -> Client | None:
    """Who comes behind this client in the list that was asked for."""
    studio = client.studio
    clients = Client.objects.for_studio(studio).found_by(asked.search, studio.country)
    order = ORDERS[asked.sort]
    return order.of(order.beyond(narrowed(clients, studio, asked), client)).first()


def searched(found: ClientQuerySet, studio: Studio, asked: Asked) -> Matches:
    clients = narrowed(found, studio, asked)
    number = found[: MOST_SORTED + 1].count()
    tally = Tally.of(found) if number <= MOST_TALLIED else None
    if tally:
        return Matches(clients, tally.count(asked.chosen), tally=tally, is_sorted_anew=True)
    if asked.chosen:
        number = clients[: MOST_SORTED + 1].count()
    is_more = number > MOST_SORTED
    return Matches(clients, min(number, MOST_SORTED), is_more, is_sorted_anew=not is_more)


def narrowed(clients: ClientQuerySet, studio: Studio, asked: Asked) -> ClientQuerySet:
    consent = asked.chosen.get("consent")
    if consent in NARROW:
        clients = NARROW[Consent(consent)](clients)
    for service in extensions.registered():
        if option := asked.chosen.get(service.key):
            clients = service.narrow(clients, studio, option)
    return clients


@contextmanager
def planned(**ways: bool) -> Iterator[None]:
    """In here PostgreSQL's planner has only these ways to find rows."""
    settings = "; ".join(f"SET LOCAL enable_{way} TO {is_on}" for way, is_on in ways.items())
    defaults = "; ".join(f"SET LOCAL enable_{way} TO DEFAULT" for way in ways)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(settings)
        yield
        cursor.execute(defaults)


def ways_to(matches: Matches) -> dict[str, bool]:
    if matches.is_sorted_anew:
        return {"seqscan": False}
    return {"seqscan": False, "bitmapscan": False} if matches.is_more else {}

"""A page of an ordered list, by the client that it begins behind or ends before: the millionth
costs what the first does. Nothing is skipped or shown twice when clients come and go meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import Q, Value
from django.db.models.functions import Concat

from clients.listing.asked import Asked, Sort
from clients.models import Client, ClientQuerySet
from studios.models import Studio

ROWS_ON_A_PAGE = 50


@dataclass(frozen=True)
class Order:
    field: str  # what it goes by first; then by the key
    is_descending: bool = False
    is_sorted_anew: bool = False  # found by another index than the one in this order

    def backwards(self) -> "Order":
        return replace(self, is_descending=not self.is_descending)

    def of(self, clients: ClientQuerySet) -> ClientQuerySet:
        is_anew = self.is_sorted_anew and self.field != "pk"
        field = Concat(self.field, Value("")) if is_anew else self.field
        ordered = clients.order_by(*dict.fromkeys([field, "pk"]))
        return ordered.reverse() if self.is_descending else ordered

    def beyond(self, clients: ClientQuerySet, here: Client) -> ClientQuerySet:
        side = "lt" if self.is_descending else "gt"
        if self.field == "pk":
            return clients.filter(**{f"pk__{side}": here.pk})
        value = getattr(here, self.field)
        further = Q(**{f"{self.field}__{side}": value}) | Q(**{f"pk__{side}": here.pk})
        return clients.filter(further, **{f"{self.field}__{side}e": value})  # an index begins here


ORDERS = {
    Sort.NAME: Order("sort_key"),
    Sort.NAME_DOWN: Order("sort_key", is_descending=True),
    Sort.NEWEST: Order("pk", is_descending=True),
    Sort.OLDEST: Order("pk"),
}


@dataclass(frozen=True)
class Page:
    clients: Sequence[Client]
    skipped: int  # rows on the pages before
    has_previous: bool
    has_next: bool


@dataclass(frozen=True)
class Pages:
    """The pages of so many clients of a studio in one order."""

    studio: Studio
    clients: ClientQuerySet
    order: Order
    total: int

    def page(self, asked: Asked) -> Page:
        """The page asked for; the first one, where there is none like it any more."""
        here = self._position(asked.after or asked.before)
        if asked.is_last:
            return self._before(None, max(self.total - ROWS_ON_A_PAGE, 0))
        if here and asked.before:
            page = self._before(here, asked.skipped)
            return page if page.has_previous else self._after(None, 0)
        page = self._after(here, asked.skipped)
        return page if page.clients or not here else self._after(None, 0)

    def _after(self, here: Client | None, skipped: int) -> Page:
        rest = self.order.beyond(self.clients, here) if here else self.clients
        found = self.order.of(rest)[: ROWS_ON_A_PAGE + 1].fetched_for(self.studio)
        has_next = len(found) > ROWS_ON_A_PAGE
        return Page(found[:ROWS_ON_A_PAGE], skipped if here else 0, here is not None, has_next)

    def _before(self, here: Client | None, skipped: int) -> Page:
        order = self.order.backwards()
        rest = order.beyond(self.clients, here) if here else self.clients
        found = order.of(rest)[: ROWS_ON_A_PAGE + 1].fetched_for(self.studio)
        has_previous = len(found) > ROWS_ON_A_PAGE
        clients = found[:ROWS_ON_A_PAGE][::-1]
        return Page(clients, skipped if has_previous else 0, has_previous, here is not None)

    def _position(self, public_id: UUID | None) -> Client | None:
        """Of whatever state: since the link was made, it may have left what the list shows."""
        if public_id is None:
            return None
        return Client.objects.for_studio(self.studio).filter(public_id=public_id).first()

"""The list of clients: what was asked for in the URL, and the rows to show for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, TextChoices
from django.http import QueryDict
from django.urls import reverse

from clients import outside
from clients.models import Client, ClientQuerySet
from clients.outside import Chip, Line
from studios.models import Membership

ROWS_ON_A_PAGE = 50
LAST_PAGE = 100_000  # further than any studio's list goes, within what the database counts


class Consent(TextChoices):
    AGREED = "agreed", "Agreed"
    NOT_AGREED = "not-agreed", "Not agreed"
    OPTED_OUT = "opted-out", "Opted out"


NARROW = {
    Consent.AGREED: ClientQuerySet.opted_in,
    Consent.NOT_AGREED: ClientQuerySet.never_agreed,
    Consent.OPTED_OUT: ClientQuerySet.opted_out,
}


@dataclass(frozen=True)
class Cell:
    """What a service says of one client; maybe nothing."""

    service: str
    said: Line | None


@dataclass(frozen=True)
class Row:
    client: Client
    cells: Sequence[Cell]
    is_saved: bool


@dataclass(frozen=True)
class FilterChip:
    """A chip as a link; the chosen one's takes the filter away again."""

    label: str
    count: int
    is_chosen: bool
    url: str
    url_without_search: str  # for a search box that has moved on since the page was made


@dataclass(frozen=True)
class Filter:
    label: str
    chips: Sequence[FilterChip]


class Listing:
    """A page of a studio's clients. What a template doesn't ask for is never counted."""

    def __init__(self, asked: QueryDict, viewer: Membership) -> None:
        self.asked = asked
        self.viewer = viewer
        self.studio = viewer.studio
        self.search = asked.get("q", "").strip()
        self.consent = asked.get("consent", "")
        self.page = page_number(asked.get("page", ""))

    @property
    def chosen(self) -> Mapping[str, str]:
        """The filters in force, by their keys in the URL."""
        keys = ["consent", *(service.key for service in outside.registered())]
        return {key: chosen for key in keys if (chosen := self.asked.get(key))}

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or self.chosen)

    @cached_property
    def rows(self) -> Sequence[Row]:
        clients = self._clients[:ROWS_ON_A_PAGE]
        saved = self._saved if self.page == 1 else None
        if saved:
            clients = [saved, *(client for client in clients if client != saved)]
        said = self._said_of(clients)
        return [Row(client, cells_of(client, said), client == saved) for client in clients]

    @property
    def columns(self) -> Sequence[str]:
        return [cell.service for cell in self.rows[0].cells] if self.rows else []

    @property
    def next_url(self) -> str:
        return self._url(page=str(self.page + 1)) if len(self._clients) > ROWS_ON_A_PAGE else ""

    @property
    def previous_url(self) -> str:
        return self._url(page=str(self.page - 1)) if self.page > 1 else ""

    @property
    def notices(self) -> Sequence[Line]:
        notices = (service.notice(self.viewer) for service in outside.registered())
        return [notice for notice in notices if notice]

    @cached_property
    def filters(self) -> Sequence[Filter]:
        """Their counts are of the whole studio, whatever is searched for: counted once a page."""
        chips = consent_chips(Client.objects.for_studio(self.studio))
        filters = [self._filter("consent", "consent", chips)]
        for service in outside.registered():
            filters.append(self._filter(service.key, service.label, service.chips(self.studio)))
        return [found for found in filters if found.chips]

    def _filter(self, key: str, label: str, chips: Sequence[Chip]) -> Filter:
        return Filter(label, [self._filter_chip(key, chip) for chip in chips])

    def _filter_chip(self, key: str, chip: Chip) -> FilterChip:
        is_chosen = chip.key == self.asked.get(key, "")
        change = {key: "" if is_chosen else chip.key}
        return FilterChip(
            label=chip.label,
            count=chip.count,
            is_chosen=is_chosen,
            url=self._url(**change),
            url_without_search=self._url(q="", **change),
        )

    def _url(self, **change: str) -> str:
        asked = {"q": self.search, **self.chosen, **change}
        address = reverse("clients:list", args=[self.studio.slug])
        query = urlencode({key: value for key, value in asked.items() if value})
        return f"{address}?{query}" if query else address

    def _said_of(self, clients: Sequence[Client]) -> Mapping[str, Mapping[int, Line]]:
        """By service; a studio that isn't connected hears nothing and gets no column."""
        said = {
            service.label: service.lines(clients, self.viewer) for service in outside.registered()
        }
        return {label: lines for label, lines in said.items() if lines}

    @cached_property
    def _clients(self) -> list[Client]:
        """One more than are shown, to know of a next page without counting all."""
        first = (self.page - 1) * ROWS_ON_A_PAGE
        return list(self._narrowed()[first : first + ROWS_ON_A_PAGE + 1])

    def _narrowed(self) -> ClientQuerySet:
        clients = Client.objects.for_studio(self.studio).by_name()
        clients = clients.found_by(self.search, self.studio.country)
        if self.consent in NARROW:
            clients = NARROW[Consent(self.consent)](clients)
        for service in outside.registered():
            if chip := self.asked.get(service.key):
                clients = service.narrow(clients, self.studio, chip)
        return clients

    @cached_property
    def _saved(self) -> Client | None:
        """The client that was just saved: on top, wherever it stands in the order."""
        try:
            public_id = UUID(self.asked.get("saved", ""))
        except ValueError:
            return None
        return Client.objects.for_studio(self.studio).filter(public_id=public_id).first()


def consent_chips(clients: ClientQuerySet) -> Sequence[Chip]:
    counts = clients.aggregate(
        agreed=Count("pk", filter=Q(email_opt_in=True)),
        opted_out=Count("pk", filter=Q(opted_out_at__isnull=False)),
        all=Count("pk"),
    )
    never = counts["all"] - counts["agreed"] - counts["opted_out"]
    return [
        Chip("", "All", counts["all"]),
        Chip(Consent.AGREED, Consent.AGREED.label, counts["agreed"]),
        Chip(Consent.NOT_AGREED, Consent.NOT_AGREED.label, never),
        Chip(Consent.OPTED_OUT, Consent.OPTED_OUT.label, counts["opted_out"]),
    ]


def cells_of(client: Client, said: Mapping[str, Mapping[int, Line]]) -> Sequence[Cell]:
    return [Cell(service, lines.get(client.pk)) for service, lines in said.items()]


def page_number(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_PAGE))
    return min(max(int(text), 1), LAST_PAGE) if is_number else 1

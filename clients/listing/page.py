"""A page of the list as the template shows it."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone

from clients import extensions
from clients.extensions import Seen, StatusLine
from clients.listing import keyset, matches
from clients.listing.asked import Asked, Sort, as_uuid
from clients.listing.filters import Filter, filters_of
from clients.listing.first_steps import FirstSteps, first_steps_of
from clients.listing.keyset import ORDERS, Page, Pages
from clients.listing.matches import Matches
from clients.listing.rows import Row, row_of
from clients.models import Client, ClientQuerySet, Run
from clients.runs.counting import Counts
from studios.models import Membership

STALE_AFTER_S = 60  # older counts say how old they are


@dataclass(frozen=True)
class Heading:
    """A column that the list can be sorted by: a click turns it round."""

    label: str
    url: str
    direction: str  # for readers of the screen: "ascending", "descending" or "none"


class Listing:
    """What is shown of a studio's clients. What a template doesn't ask for is not looked up."""

    def __init__(self, query: QueryDict, viewer: Membership) -> None:
        self.asked = Asked.read(query)
        self.viewer = viewer
        self.studio = viewer.studio
        self._saved_id = as_uuid(query.get("saved", ""))

    @property
    def search(self) -> str:
        return self.asked.search

    @property
    def chosen(self) -> Mapping[str, str]:
        return self.asked.chosen

    @property
    def is_narrowed(self) -> bool:
        return self.asked.is_narrowed

    @cached_property
    def matches(self) -> Matches:
        return matches.of(self.studio, self.asked)

    @cached_property
    def page(self) -> Page:
        order = replace(ORDERS[self.asked.sort], is_sorted_anew=self.matches.is_sorted_anew)
        pages = Pages(self.studio, self.matches.clients, order, self.matches.total)
        ways = matches.ways_to(self.matches)
        with matches.planned(**ways) if ways else nullcontext():
            return pages.page(self.asked)

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The page's, with the client that was just saved marked; on top, if it isn't on the page
        any more or not yet."""
        clients = list(self.page.clients)
        if saved := self._saved(clients):
            clients.insert(0, saved)
        said = self._said_of(clients)
        address, back = Asked().url(self.studio), self.asked.back
        return [
            row_of(client, said, address=address, back=back, saved=self._saved_id)
            for client in clients
        ]

    @property
    def columns(self) -> Sequence[str]:
        return [cell.service for cell in self.rows[0].cells] if self.rows else []

    @property
    def first(self) -> int:
        return self.page.skipped + 1

    @property
    def last(self) -> int:
        return self.page.skipped + len(self.page.clients)

    @property
    def total(self) -> int:
        return max(self.matches.total, self.last)

    @property
    def is_more(self) -> bool:
        """True if there are more than were counted."""
        return self.matches.is_more

    @property
    def counted_at(self) -> datetime | None:
        """When, where that was a while ago."""
        counted_at = self.matches.counted_at
        return counted_at if counted_at and age_s(counted_at) > STALE_AFTER_S else None

    @property
    def next_url(self) -> str:
        if not self.page.has_next:
            return ""
        last = self.page.clients[-1].public_id
        return self._url(replace(self.asked.first_page(), after=last, skipped=self.last))

    @property
    def previous_url(self) -> str:
        if not self.page.has_previous:
            return ""
        first = self.page.clients[0].public_id
        skipped = max(self.page.skipped - keyset.ROWS_ON_A_PAGE, 0)
        return self._url(replace(self.asked.first_page(), before=first, skipped=skipped))

    @property
    def first_url(self) -> str:
        return self._url(self.asked.first_page())

    @property
    def last_url(self) -> str:
        return self._url(replace(self.asked.first_page(), is_last=True))

    @property
    def url_of_search(self) -> str:
        """The same search without a filter."""
        return self._url(self.asked.first_page(chosen={}))

    @property
    def back(self) -> str:
        return self.asked.back

    @property
    def place(self) -> str:
        """What was asked, for a form to carry along."""
        return self.asked.query

    @cached_property
    def undoable(self) -> Run | None:
        """What the viewer did last, while it can be taken back."""
        run = Run.objects.for_studio(self.studio).just_done_by(self.viewer.user_id).first()
        return run if run and run.can_be_undone else None

    @property
    def undoable_said(self) -> str:
        """What it did."""
        run = self.undoable
        return Counts.kept_by(run).said_of(Run.Kind(run.kind)) if run else ""

    @property
    def by_name(self) -> Heading:
        return self._heading("Name", Sort.NAME, Sort.NAME_DOWN, "ascending")

    @property
    def by_age(self) -> Heading:
        return self._heading("Added", Sort.NEWEST, Sort.OLDEST, "descending")

    @property
    def sorts(self) -> Sequence[tuple[str, str, bool]]:
        """Where there is no room for headings: label, address, whether it is in force."""
        return [
            (str(sort.label), self._sorted(sort), self.asked.sort == sort)
            for sort in (Sort.NAME, Sort.NEWEST)
        ]

    @property
    def notices(self) -> Sequence[StatusLine]:
        return [service.notice for service in self._services if service.notice]

    @cached_property
    def first_steps(self) -> FirstSteps | None:
        return first_steps_of(self.viewer, self._services)

    @cached_property
    def filters(self) -> Sequence[Filter]:
        return filters_of(self.studio, self.asked, self.matches.tally, self._services)

    @property
    def export_url(self) -> str:
        """Where these clients, on all pages, are a file."""
        return self.asked.first_page().url(self.studio, "export")

    def narrowed(self) -> ClientQuerySet:
        """All clients that search and filters leave, in the list's order."""
        clients = Client.objects.for_studio(self.studio)
        clients = clients.found_by(self.asked.search, self.studio.country)
        clients = matches.narrowed(clients, self.studio, self.asked)
        return ORDERS[self.asked.sort].of(clients)

    def _heading(self, label: str, first: Sort, second: Sort, direction: str) -> Heading:
        other = "descending" if direction == "ascending" else "ascending"
        directions = {first: direction, second: other}
        url = self._sorted(second if self.asked.sort == first else first)
        return Heading(label, url, directions.get(self.asked.sort, "none"))

    def _sorted(self, sort: Sort) -> str:
        return self._url(self.asked.first_page(sort=sort))

    def _url(self, asked: Asked) -> str:
        return asked.url(self.studio)

    @cached_property
    def _services(self) -> Sequence[Seen]:
        return extensions.seen_by(self.viewer)

    def _said_of(self, clients: Sequence[Client]) -> Mapping[str, Mapping[int, StatusLine]]:
        """The lines on these clients by service; a service without any gets no column."""
        said = {service.label: service.status_lines(clients) for service in self._services}
        return {label: lines for label, lines in said.items() if lines}

    def _saved(self, clients: Sequence[Client]) -> Client | None:
        """The client that was just saved, if it isn't among these."""
        wanted: UUID | None = self._saved_id
        if wanted is None or any(client.public_id == wanted for client in clients):
            return None
        return Client.objects.for_studio(self.studio).filter(public_id=wanted).first()


def age_s(moment: datetime) -> float:
    return (timezone.now() - moment).total_seconds()

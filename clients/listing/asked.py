"""What was asked of the list, in the words of its URL.

The same words, which the pages of a client carry along as `back`, lead back to where one was: they
name a place in this list and nothing else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import TextChoices
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from clients import extensions
from clients.listing.tally import Consent
from studios.models import Studio

BACK = "back"
LONGEST_SEARCH = 100
LONGEST_BACK = 1000
MOST_ROWS = 100_000_000  # more than any studio has


class Sort(TextChoices):
    NAME = "", "Name"
    NAME_DOWN = "-name", "Name, backwards"
    NEWEST = "added", "Newest"
    OLDEST = "-added", "Oldest"


@dataclass(frozen=True)
class Asked:
    search: str = ""
    chosen: Mapping[str, str] = field(default_factory=dict)  # the filters in force, by their keys
    sort: Sort = Sort.NAME
    after: UUID | None = None  # the page begins behind this client …
    before: UUID | None = None  # … or ends before this one
    is_last: bool = False
    skipped: int = 0  # rows on the pages before, as the link here said

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Whatever is no part of a list's address, or makes no sense there, counts as not asked."""
        sort = query.get("sort", "")
        return cls(
            search=query.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH],
            chosen={
                key: chosen
                for key, options in filter_options().items()
                if (chosen := query.get(key, "")) in options
            },
            sort=Sort(sort) if sort in Sort.values else Sort.NAME,
            after=as_uuid(query.get("after", "")),
            before=as_uuid(query.get("before", "")),
            is_last=query.get("page") == "last",
            skipped=as_number(query.get("at", "")),
        )

    @property
    def is_narrowed(self) -> bool:
        return bool(self.search or self.chosen)

    @property
    def query(self) -> str:
        """As it stands in the URL, after the question mark; blank for the plain list."""
        words = {
            "q": self.search,
            **self.chosen,
            "sort": self.sort.value,
            "after": self.after,
            "before": self.before,
            "page": "last" if self.is_last else "",
            "at": self.skipped,
        }
        return urlencode({key: word for key, word in words.items() if word})

    @property
    def back(self) -> str:
        """The parameter by which the pages of a client know the way back."""
        return urlencode({BACK: self.query}) if self.query else ""

    def first_page(self, **change: Any) -> Self:
        return replace(self, after=None, before=None, is_last=False, skipped=0, **change)

    def filtered(self, key: str, option: str) -> Self:
        kept = {other: chosen for other, chosen in self.chosen.items() if other != key}
        return self.first_page(chosen={**kept, key: option} if option else kept)

    def url(self, studio: Studio, view: str = "list", **also: object) -> str:
        address = reverse(f"clients:{view}", args=[studio.slug])
        query = "&".join(filter(None, [self.query, urlencode(also)]))
        return f"{address}?{query}" if query else address


def place_of(request: HttpRequest) -> Asked:
    """Where in the list somebody was who came to a client's page."""
    return Asked.read(QueryDict(request.GET.get(BACK, "")[:LONGEST_BACK]))


def posted_place(request: HttpRequest) -> Asked:
    """Where in the list somebody was who sent a form from there."""
    return Asked.read(QueryDict(request.POST.get("place", "")[:LONGEST_BACK]))


def filter_options() -> Mapping[str, Collection[str]]:
    """What can be chosen, by the filters' keys."""
    services = {service.key: service.option_keys for service in extensions.registered()}
    return {"consent": Consent.values, **services}


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def as_number(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_ROWS))
    return min(int(text), MOST_ROWS) if is_number else 0

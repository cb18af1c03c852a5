"""What integrations show on client pages. Clients import none of them: they register here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db.models.expressions import Combinable

from clients.models import Client, ClientQuerySet
from studios.models import Membership, Studio


@dataclass(frozen=True)
class Action:
    """A button: what it says and where it posts."""

    label: str
    url: str


@dataclass(frozen=True)
class StatusLine:
    """One sentence about one client (or the studio) that front-desk staff understand."""

    text: str
    tone: str  # "good", "moving", "quiet", "attention": the icon and colour beside the words
    action: Action | None = None
    short: str = ""  # in the list: two words at most

    @property
    def mark(self) -> str:
        return self.short or self.text


@dataclass(frozen=True)
class FilterOption:
    """A filter of the list: its key in the URL and its words."""

    key: str
    label: str


@dataclass(frozen=True)
class FirstStep:
    """What an owner does in the first minutes, and where."""

    label: str
    text: str
    url: str
    is_done: bool


@dataclass(frozen=True)
class TimelineEntry:
    """An entry of a client's timeline."""

    at: datetime
    text: str
    answers: bool = False  # by it a service had heard of all that happened before
    heard: str = ""  # of an entry of ours: what answered it, and how soon after


class Seen(Protocol):
    """What an integration shows one person on one page: what several parts need is found once."""

    key: str
    label: str

    @property
    def options(self) -> Sequence[FilterOption]:
        """The filters of the list; none where the studio isn't connected."""

    @property
    def notice(self) -> StatusLine | None:
        """How the service is doing, above the list; nothing where the studio isn't connected."""

    @property
    def first_step(self) -> FirstStep:
        """To connect it."""

    def status_lines(self, clients: Sequence[Client]) -> Mapping[int, StatusLine]:
        """A line per client, by its primary key; nothing where the studio isn't connected."""


class Extension(Protocol):
    """What an integration has to do with clients."""

    key: str  # the list's query parameter, e.g. ?klaviyo=waiting
    label: str

    @property
    def option_keys(self) -> Collection[str]:
        """The keys of all options that its filter ever has."""

    @property
    def facet(self) -> Combinable:
        """The key of the option that a client falls under, in SQL: they are counted by it."""

    def seen_by(self, viewer: Membership) -> Seen:
        """For one page."""

    def narrow(self, clients: ClientQuerySet, studio: Studio, option: str) -> ClientQuerySet:
        """Those of the clients that the filter with this key leaves."""

    def timeline(self, client: Client) -> Sequence[TimelineEntry]:
        """What the service did with this client."""

    def after_deletion(self, client: Client) -> str:
        """A sentence on what stays there when the client is deleted here; blank if nothing does."""


_registered: list[Extension] = []


def register(extension: Extension) -> None:
    _registered.append(extension)


def registered() -> Sequence[Extension]:
    return tuple(_registered)


def seen_by(viewer: Membership) -> Sequence[Seen]:
    return [extension.seen_by(viewer) for extension in _registered]

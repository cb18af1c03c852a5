"""What others show on client pages: clients know no integration, integrations register here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from clients.models import Client, ClientQuerySet
from studios.models import Membership, Studio


@dataclass(frozen=True)
class Action:
    """A button: what it says and where it posts."""

    label: str
    url: str


@dataclass(frozen=True)
class Line:
    """One sentence about one client (or the studio) that front-desk staff understand."""

    text: str
    tone: str  # "good", "moving", "quiet", "attention": the icon and colour beside the words
    action: Action | None = None


@dataclass(frozen=True)
class Chip:
    """A filter of the list: its key in the URL, its words and how many clients it leaves."""

    key: str
    label: str
    count: int


@dataclass(frozen=True)
class Told:
    """An entry of a client's timeline."""

    at: datetime
    text: str


class Outside(Protocol):
    """What an outside service offers to client pages."""

    key: str  # the list's query parameter, e.g. ?klaviyo=waiting
    label: str

    def lines(self, clients: Sequence[Client], viewer: Membership) -> Mapping[int, Line]:
        """A line per client, by its primary key; nothing where the studio isn't connected."""

    def chips(self, studio: Studio) -> Sequence[Chip]: ...

    def narrow(self, clients: ClientQuerySet, studio: Studio, chip: str) -> ClientQuerySet: ...

    def notice(self, viewer: Membership) -> Line | None:
        """How the service is doing, above the list; nothing where the studio isn't connected."""

    def timeline(self, client: Client) -> Sequence[Told]: ...

    def after_deletion(self, client: Client) -> str:
        """What stays there when the client is deleted here, for the page that asks; or nothing."""


_registered: list[Outside] = []


def register(outside: Outside) -> None:
    _registered.append(outside)


def registered() -> Sequence[Outside]:
    return tuple(_registered)

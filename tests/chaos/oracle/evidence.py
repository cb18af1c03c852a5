"""What a run leaves behind to be judged: both sides at rest, and what happened on the way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from typing import Any

from tests.chaos.rig.ledger import Ledger, folded, key_of

Row = Mapping[str, Any]

UPSERTS = ("create_profile", "update_profile")
SUPPRESSION = "bulk_suppress_profiles"


@dataclass
class Window:
    """A studio's time with an account: before Connect was pressed until Disconnect was answered."""

    studio: str
    account: str
    opened_at: float
    fenced_at: float = inf


@dataclass(frozen=True)
class Outage:
    """The desk can't be served, and nobody is to blame."""

    begin: float
    end: float


@dataclass
class StudioEvidence:
    """One studio at rest, and its present account."""

    slug: str
    window: Window
    clients: Sequence[Row]
    profiles: Sequence[Row]
    journal: Sequence[Row]  # of this account
    counters: Mapping[str, int]
    waiting: Sequence[str] = ()

    @cached_property
    def by_address(self) -> dict[str, Row]:
        return {folded(one["attributes"]["email"]): one for one in self.profiles}

    @cached_property
    def by_key(self) -> dict[str, Row]:
        """Clients whom a writer named."""
        keyed = {key_of(one["first_name"]): one for one in self.clients}
        return {key: client for key, client in keyed.items() if key}

    @property
    def sendable(self) -> Iterator[Row]:
        """Clients who are meant to be in Klaviyo."""
        return (one for one in self.clients if one["agreed"] and one["email"])

    @cached_property
    def upserts(self) -> dict[str, list[Row]]:
        """What was written to each profile since this connection began, in order."""
        written: dict[str, list[Row]] = {}
        for entry in self.journal:
            if entry["operation"] in UPSERTS and entry["at"] >= self.window.opened_at:
                written.setdefault(entry["profile"], []).append(entry)
        return written

    def profile_of(self, client: Row) -> Row | None:
        return self.by_address.get(folded(client["email"]))


@dataclass
class Evidence:
    studios: Sequence[StudioEvidence]
    windows: Sequence[Window]
    journal: Sequence[Row]
    requests: Sequence[Row]
    ledger: Ledger
    saved: Mapping[str, str] = field(default_factory=dict)  # client → name, as desks know
    outages: Sequence[Outage] = ()
    stuck: Sequence[str] = ()  # what owners could not get done

    @property
    def upserts(self) -> Iterator[tuple[str, Row]]:
        """Each of the whole run, of a person whom a writer named."""
        for entry in self.journal:
            key = named_in(entry)
            if key and entry["operation"] in UPSERTS:
                yield key, entry


def named_in(entry: Row) -> str:
    """The key of the person whose data this upsert carried; blank if no writer named them."""
    return key_of((entry.get("attributes") or {}).get("first_name"))


def asked_at(entry: Row) -> float:
    """When the request came in; it may have been applied later."""
    return float(entry.get("asked_at", entry["at"]))


def is_suppressed(profile: Row) -> bool:
    return bool(profile["attributes"]["subscriptions"]["email"]["marketing"]["suppression"])


def is_tagged(profile: Row) -> bool:
    return bool(profile["attributes"]["properties"].get("junocal_source") == "junocal")

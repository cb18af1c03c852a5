"""Junocal's database held against the sandbox: who is missing there, stale, or not suppressed."""

from collections import Counter
from dataclasses import astuple, dataclass
from typing import Any

from dev.klaviyo_sandbox.testing.client import LOTUS
from tests.support.stack import Stack

CLIENTS = """
SELECT client.*, sync.reason, sync.desired_version > sync.synced_version AS is_due
  FROM clients_client client
  JOIN studios_studio studio ON studio.id = client.studio_id
  LEFT JOIN klaviyo_clientsync sync ON sync.client_id = client.id
 WHERE studio.slug = %s
"""
UPSERTS = ("create_profile", "update_profile")
SUPPRESSION = "bulk_suppress_profiles"
WITHOUT_PHONE = ("phone_invalid", "phone_taken")
FIELDS = {"first_name": "first_name", "last_name": "last_name", "phone_number": "phone"}

Row = dict[str, Any]


@dataclass(frozen=True)
class Audit:
    """Addresses in each list; all of them empty where both sides agree."""

    waiting: list[str]  # Junocal still means to tell Klaviyo something
    missing: list[str]  # may be emailed, and is no tagged profile
    stale: list[str]  # the profile says something else than the client
    strangers: list[str]  # a tagged profile of somebody who never was to be sent
    unsuppressed: list[str]  # opted out, known at Klaviyo, and not suppressed
    twice: list[str]  # more than one profile
    pushed_after: list[str]  # an upsert was applied after the suppression

    @property
    def is_clean(self) -> bool:
        return not any(astuple(self))


def waiting(stack: Stack, slug: str = "lotus") -> list[str]:
    """What Junocal still means to tell Klaviyo: by its own database, and quick to ask for."""
    return [one["email"] for one in stack.ask(CLIENTS, slug) if one["is_due"] is not False]


def audit(stack: Stack, slug: str = "lotus", account: str = LOTUS.id) -> Audit:
    clients = stack.ask(CLIENTS, slug)
    there = stack.klaviyo.profiles(account)
    journal = stack.klaviyo.journal(account=account)
    by_address = {address_of(one["attributes"]["email"]): one for one in there}
    sent = [one for one in clients if one["email_opt_in"] and one["email"]]
    left = [one for one in clients if one["opted_out_at"] and one["email"]]
    known = {address_of(one["email"]) for one in (*sent, *left)}
    ours = {one["profile"] for one in journal if one["operation"] == "create_profile"}
    tagged = {address for address, profile in by_address.items() if is_tagged(profile)}
    return Audit(
        waiting=[one["email"] for one in clients if one["is_due"] is not False],
        missing=[one["email"] for one in sent if address_of(one["email"]) not in tagged],
        stale=[one["email"] for one in sent if is_stale(one, by_address, ours)],
        strangers=sorted(tagged - known),
        unsuppressed=[one["email"] for one in left if is_unsuppressed(one, by_address)],
        twice=more_than_once(address_of(one["attributes"]["email"]) for one in there),
        pushed_after=was_pushed_after(left, by_address, journal),
    )


def address_of(email: str | None) -> str:
    return (email or "").strip().lower()


def is_tagged(profile: Row) -> bool:
    return bool(profile["attributes"]["properties"].get("junocal_source") == "junocal")


def is_stale(client: Row, by_address: dict[str, Row], ours: set[str]) -> bool:
    """A blank of ours leaves alone what others wrote into a profile that was there before."""
    profile = by_address.get(address_of(client["email"]))
    if profile is None:
        return False
    without_phone = client["reason"] in WITHOUT_PHONE
    return any(
        (profile["attributes"][theirs] or "") != client[field]
        for theirs, field in FIELDS.items()
        if not (theirs == "phone_number" and without_phone)
        and (client[field] or profile["id"] in ours)
    )


def is_unsuppressed(client: Row, by_address: dict[str, Row]) -> bool:
    profile = by_address.get(address_of(client["email"]))
    if profile is None:
        return False
    return not profile["attributes"]["subscriptions"]["email"]["marketing"]["suppression"]


def more_than_once(addresses: Any) -> list[str]:
    return [address for address, number in Counter(addresses).items() if number > 1]


def was_pushed_after(left: list[Row], by_address: dict[str, Row], journal: list[Row]) -> list[str]:
    """Of those who are opted out now. Whoever came back and left again is none of the test's."""
    suppressed: set[str] = set()
    pushed: set[str] = set()
    for entry in journal:
        if entry["operation"] == SUPPRESSION:
            suppressed.add(entry["profile"])
        elif entry["operation"] in UPSERTS and entry["profile"] in suppressed:
            pushed.add(entry["profile"])
    gone = {address_of(client["email"]) for client in left}
    return [a for a in gone if (one := by_address.get(a)) and one["id"] in pushed]

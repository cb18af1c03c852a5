"""The oracle's look at both sides once nothing moves any more, client by client. Pure.

Each function yields a line for each fault. What is allowed, and therefore no fault:
- a profile that is left behind when an opted-in client is deleted, or when its client took over
  the profile that stood at a new address;
- a blank leaves alone what others, or an earlier connection, wrote;
- a phone that another profile has is left out;
- who opted in again after a suppression may stay suppressed.
"""

from collections.abc import Iterator

from tests.chaos.oracle.evidence import (
    Evidence,
    Row,
    StudioEvidence,
    is_suppressed,
    is_tagged,
    named_in,
)
from tests.chaos.rig.ledger import Ledger, folded, key_of

FIELDS = {"first_name": "first_name", "last_name": "last_name", "phone_number": "phone"}
PHONE = "phone_number"
WITHOUT_PHONE = ("phone_invalid", "phone_taken")
NEEDS_ATTENTION = ("email_invalid", "email_taken", "refused", "permission_missing", "not_accepted")


def still_waiting(evidence: Evidence) -> Iterator[str]:
    """Junocal still means to tell Klaviyo something, long after all is well again."""
    return (f"{studio.slug}: {who}" for studio in evidence.studios for who in studio.waiting)


def missing(evidence: Evidence) -> Iterator[str]:
    """May be emailed, and is no profile of ours."""
    for studio in evidence.studios:
        for client in studio.sendable:
            profile = studio.profile_of(client)
            if profile is None or not is_tagged(profile):
                yield about(studio, client)


def stale(evidence: Evidence) -> Iterator[str]:
    """The profile says something that the client once was, or never."""
    for studio, client, profile, wrong in mismatches(evidence):
        if not is_anothers(studio, client, profile, wrong):
            yield told(studio, client, profile, wrong)


def anothers(evidence: Evidence) -> Iterator[str]:
    """The profile carries the name or the phone of another client."""
    for studio, client, profile, wrong in mismatches(evidence):
        if is_anothers(studio, client, profile, wrong):
            yield told(studio, client, profile, wrong)


def unsuppressed(evidence: Evidence) -> Iterator[str]:
    """Said no, and Klaviyo may still email them: at their address, or where their data was left."""
    for studio in evidence.studios:
        for client in studio.clients:
            profile = studio.profile_of(client)
            if client["opted_out"] and profile and not is_suppressed(profile):
                yield about(studio, client)
        yield from left_behind_unsuppressed(studio, evidence.ledger)


def wrongly_suppressed(evidence: Evidence) -> Iterator[str]:
    """Nobody who had to do with this profile, or stood where it stood, ever said no."""
    for studio, client, profile in suppressed_clients(evidence):
        entries = [one for one in studio.journal if one["profile"] == profile["id"]]
        addresses = {folded(one["email"]) for one in [client, *entries]}
        keys = {key_of(client["first_name"]), *map(named_in, entries)}
        for address in addresses:
            keys |= evidence.ledger.holders.get(address, set())
        if not keys & set(evidence.ledger.said_no):
            yield about(studio, client)


def suppressed_with_an_old_address(evidence: Evidence) -> Iterator[str]:
    """For information: never said no, but left an address whose next holder did, and the profile
    was suppressed there before it moved on. Nothing of ours lifts that."""
    ledger, wrongly = evidence.ledger, set(wrongly_suppressed(evidence))
    for studio, client, _ in suppressed_clients(evidence):
        key, address = key_of(client["first_name"]), folded(client["email"])
        if key not in ledger.said_no and address not in ledger.said_no_at:
            yield from {about(studio, client)} - wrongly


def left_behind(evidence: Evidence) -> Iterator[str]:
    """For information: profiles of ours at an address that no client has."""
    for studio in evidence.studios:
        held = {folded(one["email"]) for one in studio.clients}
        for address, profile in studio.by_address.items():
            if is_tagged(profile) and address not in held:
                yield f"{studio.slug}: {address}"


def duplicates(evidence: Evidence) -> Iterator[str]:
    """A second profile was made of somebody whose first one Junocal knew, and both are there.

    Only people whose addresses nobody else ever had, and who never had another's profile: profiles
    follow addresses, and who came to one where a profile stood, and lost it again, left one behind.
    """
    for studio in evidence.studios:
        for key, profiles in profiles_by_key(studio).items():
            if had_anothers(studio, key):
                continue
            alone = [one for one in profiles if is_alone_at(one, key, evidence.ledger)]
            made_at = [studio.upserts[one["id"]][0]["at"] for one in alone]
            if any(was_known(studio, one, before=max(made_at)) for one in alone):
                yield f"{studio.slug}: {key} at {[one['attributes']['email'] for one in alone]}"


def without_a_free_phone(evidence: Evidence) -> Iterator[str]:
    """Left out its phone because another profile had it, and no profile has it now."""
    for studio in evidence.studios:
        taken = {one["attributes"][PHONE] for one in studio.profiles}
        for client in studio.sendable:
            if client["reason"] == "phone_taken" and client["phone"] not in taken:
                yield f"{about(studio, client)}: {client['phone']}"


def attention(evidence: Evidence) -> Iterator[str]:
    """A person has to act, although nothing happened that one has to act for."""
    for studio in evidence.studios:
        for client in studio.clients:
            if client["reason"] in NEEDS_ATTENTION:
                yield f"{about(studio, client)}: {client['reason']}"


def counters(evidence: Evidence) -> Iterator[str]:
    """The card's numbers are not those of the clients."""
    for studio in evidence.studios:
        shown, there = studio.counters, len(list(studio.sendable))
        if sum(shown.values()) != len(studio.clients):
            yield f"{studio.slug}: {dict(shown)} are not {len(studio.clients)}"
        elif not (studio.waiting or shown["attention"]) and shown["in-klaviyo"] != there:
            yield f"{studio.slug}: {shown['in-klaviyo']} shown in Klaviyo, {there} are"


def lost(evidence: Evidence) -> Iterator[str]:
    """Saved, said the desk; the database has something else."""
    there = {
        one["public_id"]: one["first_name"] for studio in evidence.studios for one in studio.clients
    }
    for client, name in evidence.saved.items():
        if there.get(client) != name:
            yield f"{name}, but {there.get(client)!r} is there"


# --- How ------------------------------------------------------------------------------------------


def suppressed_clients(evidence: Evidence) -> Iterator[tuple[StudioEvidence, Row, Row]]:
    """Clients of the rig's own who may be emailed here, and may not there."""
    for studio in evidence.studios:
        for client in studio.sendable:
            profile = studio.profile_of(client)
            if profile and is_suppressed(profile) and key_of(client["first_name"]):
                yield studio, client, profile


Mismatch = tuple[StudioEvidence, Row, Row, list[str]]


def mismatches(evidence: Evidence) -> Iterator[Mismatch]:
    """Clients with their profile, where it is ours, and the fields of it that are not theirs."""
    for studio in evidence.studios:
        for client in studio.sendable:
            profile = studio.profile_of(client)
            if profile is None or not is_tagged(profile):
                continue
            if wrong := fields_that_differ(studio, client, profile):
                yield studio, client, profile, wrong


def fields_that_differ(studio: StudioEvidence, client: Row, profile: Row) -> list[str]:
    return [
        theirs
        for theirs, ours in FIELDS.items()
        if (profile["attributes"][theirs] or "") != client[ours]
        and not (theirs == PHONE and client["reason"] in WITHOUT_PHONE)
        and (client[ours] or was_ours(studio, profile, theirs))
    ]


def was_ours(studio: StudioEvidence, profile: Row, theirs: str) -> bool:
    """What stands in this field was written by this connection, for somebody who is still there:
    Junocal remembers that, and clears it."""
    value = profile["attributes"][theirs]
    return any(
        (entry["attributes"] or {}).get(theirs) == value
        and (not named_in(entry) or named_in(entry) in studio.by_key)
        for entry in studio.upserts.get(profile["id"], [])
    )


def is_anothers(studio: StudioEvidence, client: Row, profile: Row, wrong: list[str]) -> bool:
    name, phone = profile["attributes"]["first_name"], profile["attributes"][PHONE]
    if "first_name" in wrong and key_of(name) and key_of(name) != key_of(client["first_name"]):
        return True
    others = {one["phone"] for one in studio.clients if one is not client and one["phone"]}
    return PHONE in wrong and phone in others


def left_behind_unsuppressed(studio: StudioEvidence, ledger: Ledger) -> Iterator[str]:
    """Profiles at nobody's address, with the data of somebody who said no since."""
    held = {folded(one["email"]) for one in studio.clients if one["agreed"] or one["opted_out"]}
    for address, profile in studio.by_address.items():
        key = last_named(studio, profile)
        if not key or address in held or is_suppressed(profile):
            continue
        client = studio.by_key.get(key)
        if client["opted_out"] if client else said_no_and_left(studio, ledger, key, address):
            yield f"{studio.slug}: {key}, left behind at {address}"


def said_no_and_left(studio: StudioEvidence, ledger: Ledger, key: str, address: str) -> bool:
    """Deleted after a no that this connection had to tell, and nobody agreed at that address
    afterwards."""
    no_at = ledger.surely_no.get(key, 0.0)
    if no_at < studio.window.opened_at or ledger.was_agreed(key, no_at + 0.001, float("inf")):
        return False
    others = ledger.holders.get(address, set()) - {key}
    return not any(ledger.was_agreed(one, no_at, float("inf")) for one in others)


def last_named(studio: StudioEvidence, profile: Row) -> str:
    """Whose data this connection wrote there last."""
    entries = studio.upserts.get(profile["id"])
    return named_in(entries[-1]) if entries else ""


def profiles_by_key(studio: StudioEvidence) -> dict[str, list[Row]]:
    """The profiles that this connection made of somebody whose data they still carry."""
    found: dict[str, list[Row]] = {}
    for profile in studio.profiles:
        entries = studio.upserts.get(profile["id"], [])
        key = named_in(entries[-1]) if entries else ""
        if key and key == named_in(entries[0]) and entries[0]["operation"] == "create_profile":
            found.setdefault(key, []).append(profile)
    return found


def had_anothers(studio: StudioEvidence, key: str) -> bool:
    """True if a profile that was made of somebody else carried this one's data."""
    return any(
        key in map(named_in, entries) and named_in(entries[0]) != key
        for entries in studio.upserts.values()
        if entries
    )


def is_alone_at(profile: Row, key: str, ledger: Ledger) -> bool:
    return ledger.holders.get(folded(profile["attributes"]["email"]), set()) <= {key}


def was_known(studio: StudioEvidence, profile: Row, before: float) -> bool:
    """An update had gone to it by its id."""
    return any(
        one["operation"] == "update_profile" and one["at"] < before
        for one in studio.upserts[profile["id"]]
    )


def about(studio: StudioEvidence, client: Row) -> str:
    return f"{studio.slug}: {client['first_name']} <{client['email']}>"


def told(studio: StudioEvidence, client: Row, profile: Row, wrong: list[str]) -> str:
    there = {field: profile["attributes"][field] for field in wrong}
    here = {field: client[FIELDS[field]] for field in wrong}
    return f"{about(studio, client)}: there {there}, here {here}"

"""Looking clients up at Klaviyo by their addresses (`profiles:read`)."""

from collections.abc import Mapping, Sequence
from functools import partial

from clients.models import same_address
from integrations.klaviyo.api.client import CancelledError, Klaviyo
from integrations.klaviyo.api.documents import Profile
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.outbox import consumer

Found = Mapping[str, Profile]  # by address


def look_up(rows: Sequence[ClientSync], api: Klaviyo) -> Found:
    """The profiles that hold these clients' addresses, as typed or in lower case."""
    clients = [row.client for row in rows if row.client]
    spellings = sorted({spelling for client in clients for spelling in spellings_of(client.email)})
    if not spellings:
        return {}
    profiles = api.find_profiles(spellings, partial(preflight_read, rows))
    return {same_address(profile.email): profile for profile in profiles}


def spellings_of(email: str) -> set[str]:
    """How Klaviyo may have it: as typed, in lower case, its domain in ASCII."""
    return {email.strip(), email.strip().lower(), same_address(email)}


def preflight_read(rows: Sequence[ClientSync]) -> None:
    """Right before a look-up leaves; raises `CancelledError` if no lease carries it any more."""
    if not consumer.still_ours(rows):
        raise CancelledError
